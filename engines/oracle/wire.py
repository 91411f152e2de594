"""Oracle's protocol as node-oracledb's thin client speaks it, where Mirror 3.3.0 takes it otherwise.

Importing it mends the Mirror.
"""

from seerdb.common import ano, tns
from seerdb.common.tns_consts import TNS_DATA, TNS_TYPE_BLOB, TNS_TYPE_CLOB
from seerdb.server import framing, handshake, session

# Only the ANO version of its own client is a thin client's to the Mirror; with any other it speaks the OCI dialect, in
# which node-oracledb's login hangs.
NODE_ANO_VERSION = bytes.fromhex('17700000')


def is_thin_negotiation(body: bytes) -> bool:
    return body[:4] == ano.ANO_MAGIC_BYTES and body[6:10] in (ano.VERSION_BYTES, NODE_ANO_VERSION)


session.is_ano_negotiation = is_thin_negotiation

# The Mirror says that it sends the database's time zone before the type table, and does not. This is +00:00.
DB_TIME_ZONE = bytes.fromhex('800000003c3c3c80000000')

build_type_reply = handshake.build_dty_type_reply


def type_reply_with_time_zone(*args, **kwargs) -> bytes:
    reply = build_type_reply(*args, **kwargs)
    return reply[:1] + DB_TIME_ZONE + reply[1:]


handshake.build_dty_type_reply = type_reply_with_time_zone

# END_OF_REQUEST, or EOF.
LAST_PACKET = 0x0840

read_packet = framing.PacketStream.read_packet


# Where a request ends, the Mirror guesses: of an executeMany cut between two rows it ran the first packets and said
# nothing of the rest. The client does mark its last packet, but not what follows a CONNECT whose descriptor is over 230
# bytes, as with a long path of the program: that comes alone.
def read_request(self, *, within=None):
    packet = read_packet(self, within=within)
    if packet is None or packet[0] != TNS_DATA or packet[1][:4] == ano.ANO_MAGIC_BYTES or packet[1][:1] == b'(':
        return packet
    body = packet[1]
    while not self.last_data_flags & LAST_PACKET:
        more = read_packet(self)
        if more is None or more[0] != TNS_DATA:
            return more
        body += more[1]
    return TNS_DATA, body


framing.PacketStream.read_packet = read_request

LOB_CHUNK_BYTES = 8132

answer_lob_call = session._answer_lobops


# It acknowledges the question for a LOB's chunk size without the number, for which the client waits.
def answer_lob_call_with_size(stream, body, lobs, *state):
    request = session.parse_lobops_request(body)
    if request.kind != 'ack':
        return answer_lob_call(stream, body, lobs, *state)
    # Without its length in front, as other calls have it.
    locator = len(request.locator).to_bytes(2, 'big') + request.locator
    stream.write_packet(TNS_DATA, session.encode_lobops_length(locator, LOB_CHUNK_BYTES))
    (_temp_lobs, current_lob, _object_lobs, current_object_lob, *_) = state
    return lobs, current_lob, current_object_lob


session._answer_lobops = answer_lob_call_with_size

NATIONAL = 2
NATIONAL_FACTOR = 4

decode_bind_type = tns.decode_oac_fields


# A wide bind's value comes last in a row. The client goes by the width that it was given, but declares a multiple of it
# for national text; and a LOB is a locator, never wide.
def decode_bind_type_as_meant(data):
    (data_type, width, scale, charset, form, *rest) = decode_bind_type(data)
    if data_type in (TNS_TYPE_BLOB, TNS_TYPE_CLOB):
        width = 0
    elif form == NATIONAL:
        width //= NATIONAL_FACTOR
    return data_type, width, scale, charset, form, *rest


tns.decode_oac_fields = decode_bind_type_as_meant

encode_long_value = tns.encode_long_value_thin


# An empty LOB fetched as text is no value, rather than one chunk of nothing, which the client does not survive.
def encode_long_value_or_none(value):
    return encode_long_value(None if value in ('', b'') else value)


tns.encode_long_value_thin = encode_long_value_or_none


open_query_cursor = session._Cursors.open_query


# A result of LOBs comes with the next fetch. One without rows has to be kept for it as well: for a cursor that it does not
# know, the Mirror runs the text again, without its binds.
def open_query_that_waits(self, sql, bind_types=(), columns=()):
    if session._defers_inline_rows(columns):
        return self.open(columns, [], sql=sql, bind_types=bind_types, delivered=0)
    return open_query_cursor(self, sql, bind_types, columns)


session._Cursors.open_query = open_query_that_waits
