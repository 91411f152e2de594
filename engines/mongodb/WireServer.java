// Serves the MongoDB wire protocol on 127.0.0.1 from memory: mongo-java-server behind a thin layer that the newest
// drivers accept. In: a port (0 picks a free one). Out: one line "ready <url>". It never stores anything on disk.

import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.CursorRegistry;
import de.bwaldvogel.mongo.backend.DefaultQueryMatcher;
import de.bwaldvogel.mongo.backend.Index;
import de.bwaldvogel.mongo.backend.IndexKey;
import de.bwaldvogel.mongo.backend.KeyValue;
import de.bwaldvogel.mongo.backend.QueryMatcher;
import de.bwaldvogel.mongo.backend.ValueComparator;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.backend.memory.MemoryDatabase;
import de.bwaldvogel.mongo.backend.memory.index.MemoryUniqueIndex;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.bson.ObjectId;
import de.bwaldvogel.mongo.exception.MongoServerError;
import io.netty.channel.Channel;
import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

public class WireServer {
  /** Its name and version: buildInfo carries it, so that a client can tell this from a mongod. */
  private static final String STAND_IN = "mongo-java-server 1.47.0";

  public static void main(String[] args) throws Exception {
    Backend backend = new Backend();
    backend.version(new ClaimedVersion());
    MongoServer server = new MongoServer(backend);
    server.bind("127.0.0.1", Integer.parseInt(args[0]));
    Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
    InetSocketAddress address = server.getLocalAddress();
    System.out.println("ready mongodb://127.0.0.1:" + address.getPort() + "/?directConnection=true");
    System.out.flush();
    Thread.currentThread().join();
  }

  /** Driver 7 wants wire version 9 at least, and the library's own highest is 8. A claim, not a real 5.0. */
  static class ClaimedVersion implements MongoVersion {
    @Override
    public List<Integer> getVersionArray() {
      return List.of(5, 0, 0, 0);
    }

    @Override
    public String toVersionString() {
      return "5.0.0";
    }

    @Override
    public int getWireVersion() {
      return 13;
    }
  }

  static class Backend extends MemoryBackend {
    @Override
    public MemoryDatabase openOrCreateDatabase(String name) {
      return new Database(name, getCursorRegistry());
    }

    /** The library renames in steps, and who reads meanwhile gets an error; mongod's rename is one step to everybody. */
    private final ReadWriteLock renaming = new ReentrantReadWriteLock();

    @Override
    public Document handleCommand(Channel channel, String database, String command, Document query) {
      Lock lock = command.equals("renameCollection") ? renaming.writeLock() : renaming.readLock();
      lock.lock();
      try {
        return answer(channel, database, command, query);
      } finally {
        lock.unlock();
      }
    }

    private Document answer(Channel channel, String database, String command, Document query) {
      refuseWhatAStandaloneRefuses(query);
      switch (command) {
        case "hello":
        case "isMaster":
        case "ismaster":
          return hello(command, super.handleCommand(channel, database, "ismaster", query));
        case "buildInfo":
        case "buildinfo":
          return sign(super.handleCommand(channel, database, command, query));
        case "startSession":
        case "endSessions":
        case "refreshSessions":
        case "killSessions":
          // Drivers send these around every operation; the session id itself is ignored.
          return new Document("ok", 1.0);
        case "listCollections":
          return filterCollections(query, super.handleCommand(channel, database, command, query));
        default:
          return super.handleCommand(channel, database, command, query);
      }
    }

    /** With the codes of a standalone mongod: running them without isolation would look like success. */
    private static void refuseWhatAStandaloneRefuses(Document query) {
      if (query.containsKey("startTransaction") || query.containsKey("autocommit")) {
        throw new MongoServerError(
            20,
            "IllegalOperation",
            "Transaction numbers are only allowed on a replica set member or mongos");
      }
      if (query.get("readConcern") instanceof Document concern && "snapshot".equals(concern.get("level"))) {
        throw new MongoServerError(
            123, "NotAReplicaSet", "node needs to be a replica set member to use read concern");
      }
    }

    private static Document hello(String command, Document answer) {
      if (command.equals("hello")) {
        answer.remove("ismaster");
        answer.put("isWritablePrimary", true);
      }
      answer.put("logicalSessionTimeoutMinutes", 30);
      answer.put("helloOk", true);
      answer.put("readOnly", false);
      return answer;
    }

    private static Document sign(Document answer) {
      answer.put("standIn", STAND_IN);
      return answer;
    }

    /** The library answers with all collections whatever the filter says. */
    private static Document filterCollections(Document query, Document answer) {
      Document filter = (Document) query.get("filter");
      if (filter == null || filter.isEmpty()) {
        return answer;
      }
      QueryMatcher matcher = new DefaultQueryMatcher();
      Document cursor = (Document) answer.get("cursor");
      List<Document> matching = new ArrayList<>();
      for (Object collection : (List<?>) cursor.get("firstBatch")) {
        if (matcher.matches((Document) collection, filter)) {
          matching.add((Document) collection);
        }
      }
      cursor.put("firstBatch", matching);
      return answer;
    }
  }

  static class Database extends MemoryDatabase {
    Database(String name, CursorRegistry cursors) {
      super(name, cursors);
    }

    @Override
    protected Index<Integer> openOrCreateUniqueIndex(
        String collection, String name, List<IndexKey> keys, boolean sparse) {
      return new OrderedUniqueIndex(name, keys, sparse);
    }
  }

  /**
   * The library's unique index with an order on _id. Without it each {_id, other condition} and each range of _id
   * scans the whole collection: 21 guarded writes a second at 200,000 documents, against some 14,000 with it.
   */
  static class OrderedUniqueIndex extends MemoryUniqueIndex {
    private static final Set<String> COMPARISONS = Set.of("$gt", "$gte", "$lt", "$lte", "$eq", "$in");

    private final TreeMap<Object, Integer> positions = new TreeMap<>(ValueComparator.asc());

    /** Null for any other index: only an _id is never an array, and an array has a key for each element. */
    private final String key;

    OrderedUniqueIndex(String name, List<IndexKey> keys, boolean sparse) {
      super(name, keys, sparse);
      key = keys.size() == 1 && keys.get(0).getKey().equals("_id") ? "_id" : null;
    }

    @Override
    protected synchronized boolean putKeyPosition(KeyValue keyValue, Integer position) {
      boolean put = super.putKeyPosition(keyValue, position);
      if (put && key != null && isOrdered(keyValue.get(0))) {
        positions.put(keyValue.get(0), position);
      }
      return put;
    }

    @Override
    protected synchronized Integer removeDocument(KeyValue keyValue) {
      Integer position = super.removeDocument(keyValue);
      if (position != null && key != null && isOrdered(keyValue.get(0))) {
        positions.remove(keyValue.get(0));
      }
      return position;
    }

    @Override
    public synchronized boolean canHandle(Document query) {
      if (super.canHandle(query)) {
        return true;
      }
      return key != null && query.containsKey(key) && narrows(query.get(key));
    }

    /** A superset is enough: the caller matches each document against the whole query again. */
    @Override
    public synchronized Iterable<Integer> getPositions(Document query) {
      if (super.canHandle(query)) {
        return super.getPositions(query);
      }
      if (!(query.get(key) instanceof Document conditions)) {
        return positionsOf(query.get(key));
      }
      if (conditions.containsKey("$eq") && isOrdered(conditions.get("$eq"))) {
        return positionsOf(conditions.get("$eq"));
      }
      if (conditions.containsKey("$in")) {
        TreeSet<Object> values = new TreeSet<>(ValueComparator.asc());
        values.addAll((Collection<?>) conditions.get("$in"));
        Set<Integer> found = new LinkedHashSet<>();
        for (Object value : values) {
          found.addAll(positionsOf(value));
        }
        return found;
      }
      return positionsBetween(conditions);
    }

    /** Whether these conditions on _id leave fewer documents to match than all of them. */
    private static boolean narrows(Object value) {
      if (!(value instanceof Document conditions)) {
        return isOrdered(value);
      }
      boolean narrows = false;
      for (Map.Entry<String, Object> condition : conditions.entrySet()) {
        String operator = condition.getKey();
        if (!operator.startsWith("$")) {
          return false;
        }
        if (operator.equals("$in")) {
          for (Object element : (Collection<?>) condition.getValue()) {
            if (!isOrdered(element)) {
              return false;
            }
          }
          narrows = true;
        } else if (COMPARISONS.contains(operator) && isOrdered(condition.getValue())) {
          narrows = true;
        }
      }
      return narrows;
    }

    /** One bound a side is used; a second one on the same side is the matcher's work. */
    private List<Integer> positionsBetween(Document conditions) {
      String lower = firstOrdered(conditions, "$gt", "$gte");
      String upper = firstOrdered(conditions, "$lt", "$lte");
      NavigableMap<Object, Integer> range = positions;
      if (lower != null) {
        range = range.tailMap(conditions.get(lower), lower.equals("$gte"));
      }
      if (upper != null) {
        if (lower != null
            && ValueComparator.asc().compare(conditions.get(lower), conditions.get(upper)) > 0) {
          return List.of();
        }
        try {
          range = range.headMap(conditions.get(upper), upper.equals("$lte"));
        } catch (IllegalArgumentException outOfRange) {
          // A sub-map refuses a bound outside of itself: {$gt: x, $lte: x}, where nothing lies between.
          return List.of();
        }
      }
      return new ArrayList<>(range.values());
    }

    private static String firstOrdered(Document conditions, String first, String second) {
      if (isOrdered(conditions.get(first))) {
        return first;
      }
      return isOrdered(conditions.get(second)) ? second : null;
    }

    private List<Integer> positionsOf(Object value) {
      Integer position = getPosition(new KeyValue(value).normalized());
      return position == null ? List.of() : List.of(position);
    }

    /** The types whose order here is MongoDB's; NaN is not, being the lowest number there and the highest here. */
    private static boolean isOrdered(Object value) {
      if (value instanceof Double number) {
        return !number.isNaN();
      }
      return value instanceof Number
          || value instanceof String
          || value instanceof ObjectId
          || value instanceof UUID
          || value instanceof Instant;
    }
  }
}
