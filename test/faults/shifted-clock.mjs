// Loaded before everything else (node --import): this process's clock goes wrong by PLUMBLINE_CLOCK_OFFSET milliseconds from the start, and jumps by
// PLUMBLINE_CLOCK_JUMP once it has been read PLUMBLINE_CLOCK_READINGS times.

const { PLUMBLINE_CLOCK_OFFSET: offset, PLUMBLINE_CLOCK_JUMP: jump, PLUMBLINE_CLOCK_READINGS: readings } = process.env;
const RealDate = Date;
let left = Number(readings);

function now() {
  left -= 1;
  return RealDate.now() + Number(offset) + (left < 0 ? Number(jump) : 0);
}

globalThis.Date = class extends RealDate {
  constructor(...given) {
    super(...(given.length === 0 ? [now()] : given));
  }

  static now() {
    return now();
  }
};
