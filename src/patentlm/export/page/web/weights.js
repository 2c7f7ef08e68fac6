// The network's weights: from the text they are stored as to matrices in memory.

/**
 * @param {string} text base64 of all tensors, one after the other
 * @param {{name: string, shape: number[], type: string}[]} tensors in that order
 * @returns {{matrices: Object, memory: WebAssembly.Memory, scratch: number, longest: number}}
 *   matrices by name, `{data, rows, columns, stride}`: rows are filled up with zeros to a multiple of
 *   four, and so is their number; a vector is a matrix of one row.
 */
export function decodeWeights(text, tensors) {
  const places = place(tensors);
  const pages = Math.ceil((places.end + 8 * places.longest) / 65536) + 1;
  const memory = new WebAssembly.Memory({ initial: pages });
  const bytes = fromBase64(text);
  const matrices = {};
  let offset = 0;
  for (const { name, type, rows, columns, stride, start, size } of places.all) {
    const data = new Float32Array(memory.buffer, start, size);
    const read = READERS[type](bytes, offset, rows, columns);
    for (let row = 0; row < rows; row++) {
      read.row(row, data.subarray(row * stride, row * stride + columns));
    }
    offset += read.bytes;
    matrices[name] = { data, rows, columns, stride };
  }
  return { matrices, memory, scratch: places.end, longest: places.longest };
}

/** Where each tensor will lie, in bytes, and how long a vector can be. */
function place(tensors) {
  const filled = (count) => 4 * Math.ceil(count / 4);
  let end = 0;
  let longest = 4;
  const all = tensors.map(({ name, shape, type }) => {
    const [rows, columns] = shape.length === 2 ? shape : [1, shape[0]];
    const stride = filled(columns);
    const size = filled(rows) * stride;
    const start = end;
    end += 4 * size;
    longest = Math.max(longest, stride, filled(rows));
    return { name, type, rows, columns, stride, start, size };
  });
  return { all, end, longest };
}

/** How the rows of a tensor are stored. Little-endian, as every browser's machine is. */
const READERS = {
  float32(bytes, offset, rows, columns) {
    return {
      bytes: 4 * rows * columns,
      row(at, into) {
        const start = offset + 4 * at * columns;
        into.set(new Float32Array(bytes.slice(start, start + 4 * columns).buffer));
      },
    };
  },
  float16(bytes, offset, rows, columns) {
    return {
      bytes: 2 * rows * columns,
      row(at, into) {
        const start = offset + 2 * at * columns;
        const halves = new Uint16Array(bytes.slice(start, start + 2 * columns).buffer);
        for (let column = 0; column < columns; column++) into[column] = fromHalf(halves[column]);
      },
    };
  },
  /** A float32 for each row, which all its numbers are multiples of, and then the numbers. */
  int8(bytes, offset, rows, columns) {
    const scales = new Float32Array(bytes.slice(offset, offset + 4 * rows).buffer);
    return {
      bytes: 4 * rows + rows * columns,
      row(at, into) {
        const start = offset + 4 * rows + at * columns;
        const numbers = new Int8Array(bytes.buffer, bytes.byteOffset + start, columns);
        for (let column = 0; column < columns; column++) into[column] = numbers[column] * scales[at];
      },
    };
  },
};

/** The number that 16 bits stand for (IEEE 754). */
function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = characters.charCodeAt(at);
  return bytes;
}
