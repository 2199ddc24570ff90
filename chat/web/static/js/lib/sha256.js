// SHA-256. Browsers have it only for pages by https, and a class may use http.

const K = [];
const START = [];
for (let n = 2, primes = 0; primes < 64; n += 1) {
  let isPrime = true;
  for (let d = 2; d * d <= n; d += 1) if (n % d === 0) isPrime = false;
  if (!isPrime) continue;
  const fraction = (root) => Math.floor((root - Math.floor(root)) * 2 ** 32);
  if (primes < 8) START.push(fraction(Math.sqrt(n)));
  K.push(fraction(Math.cbrt(n)));
  primes += 1;
}

const rotated = (word, by) => (word >>> by) | (word << (32 - by));

/** The hash of a text in UTF-8, in hexadecimal. */
export function sha256(text) {
  const bytes = new TextEncoder().encode(text);
  const data = new DataView(new ArrayBuffer(Math.ceil((bytes.length + 9) / 64) * 64));
  for (const [at, byte] of bytes.entries()) data.setUint8(at, byte);
  data.setUint8(bytes.length, 0x80);
  data.setUint32(data.byteLength - 4, bytes.length * 8);
  const state = [...START];
  for (let at = 0; at < data.byteLength; at += 64) compress(state, data, at);
  return state.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

function compress(state, data, at) {
  const words = Array.from({ length: 16 }, (_, index) => data.getInt32(at + index * 4));
  let [a, b, c, d, e, f, g, h] = state;
  for (let round = 0; round < 64; round += 1) {
    if (round >= 16) {
      const [early, late] = [words[round - 15], words[round - 2]];
      const s0 = rotated(early, 7) ^ rotated(early, 18) ^ (early >>> 3);
      const s1 = rotated(late, 17) ^ rotated(late, 19) ^ (late >>> 10);
      words[round] = (words[round - 16] + s0 + words[round - 7] + s1) | 0;
    }
    const chosen = (e & f) ^ (~e & g);
    const first = (h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + chosen + K[round] + words[round]) | 0;
    const second = ((rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [a, b, c, d, e, f, g, h] = [(first + second) | 0, a, b, c, (d + first) | 0, e, f, g];
  }
  for (const [index, word] of [a, b, c, d, e, f, g, h].entries()) state[index] = (state[index] + word) | 0;
}
