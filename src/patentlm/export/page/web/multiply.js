// Products of a matrix with a vector, which is nearly all the work of a recurrent network.

/** The sum of products in plain JavaScript, in double precision. */
export const plain = {
  name: 'JavaScript',

  /**
   * @param {{data: Float32Array, rows: number, stride: number}} matrix stored row by row
   * @param {Float64Array} vector at least as long as a row has columns
   * @param {Float64Array} result gets one number a row
   */
  multiply({ data, rows, columns, stride }, vector, result) {
    for (let row = 0; row < rows; row++) {
      const start = row * stride;
      let sum = 0;
      for (let column = 0; column < columns; column++) sum += data[start + column] * vector[column];
      result[row] = sum;
    }
  },
};

/**
 * The same on four numbers at once, in single precision: many times faster.
 *
 * @param {WebAssembly.Memory} memory holds the matrices
 * @param {number} scratch where it is free from on, in bytes
 * @param {number} longest elements of the longest vector or result
 * @returns the kernel, or `plain` where the browser has no such instructions
 */
export function fastest(memory, scratch, longest) {
  let run;
  try {
    const module = new WebAssembly.Module(assemble());
    run = new WebAssembly.Instance(module, { page: { memory } }).exports.multiply;
  } catch {
    return plain;
  }
  const input = new Float32Array(memory.buffer, scratch, longest);
  const output = new Float32Array(memory.buffer, scratch + 4 * longest, longest);
  return {
    name: 'WebAssembly SIMD',
    multiply({ data, rows, columns, stride }, vector, result) {
      for (let column = 0; column < columns; column++) input[column] = vector[column];
      input.fill(0, columns, stride);
      run(data.byteOffset, input.byteOffset, output.byteOffset, rows, 4 * stride);
      for (let row = 0; row < rows; row++) result[row] = output[row];
    },
  };
}

const I32 = 0x7f;
const V128 = 0x7b;
const get = (local) => [0x20, local];
const set = (local) => [0x21, local];
const constant = (value) => [0x41, value]; // below 64
const add = [0x6a];
const zeros = [...constant(0), 0xfd, 0x11]; // i32x4.splat
const load = [0xfd, 0x00, 4, 0]; // v128.load, aligned to 16 bytes
const addFour = [0xfd, 0xe4, 0x01]; // f32x4.add
const multiplyFour = [0xfd, 0xe6, 0x01]; // f32x4.mul
const lane = (at) => [0xfd, 0x1f, at]; // f32x4.extract_lane
const addOne = [0x92]; // f32.add
const store = (offset) => [0x38, 2, offset]; // f32.store
const loop = (...body) => [0x03, 0x40, ...body.flat(), 0x0b];
const again = [0x0d, 0]; // br_if: to the start of the loop

/** The bytes of a module with one function, `multiply(matrix, vector, result, rows, stride)`: all
 * but `rows` in bytes. Four rows at a time share each load of the vector. */
function assemble() {
  const [matrix, vector, result, rows, stride] = [0, 1, 2, 3, 4];
  const [column, four] = [5, 14];
  const pointers = [6, 7, 8, 9];
  const sums = [10, 11, 12, 13];
  const advance = (local, ...amount) => [...get(local), ...amount.flat(), ...add, ...set(local)];

  const startRow = (n) => [
    ...(n === 0 ? get(matrix) : [...get(pointers[n - 1]), ...get(stride), ...add]),
    ...set(pointers[n]), ...zeros, ...set(sums[n]),
  ];
  const sumRow = (n) => [
    ...get(sums[n]), ...get(pointers[n]), ...get(column), ...add, ...load,
    ...get(four), ...multiplyFour, ...addFour, ...set(sums[n]),
  ];
  const storeRow = (n) => [
    ...get(result), ...[0, 1, 2, 3].flatMap((at) => [...get(sums[n]), ...lane(at)]),
    ...addOne, ...addOne, ...addOne, ...store(4 * n),
  ];
  const each = [0, 1, 2, 3];
  const body = loop(
    each.flatMap(startRow), constant(0), set(column),
    loop(
      get(vector), get(column), add, load, set(four), each.flatMap(sumRow),
      advance(column, constant(16)), get(column), get(stride), [0x49], again, // i32.lt_u
    ),
    each.flatMap(storeRow),
    get(pointers[3]), get(stride), add, set(matrix), advance(result, constant(16)),
    get(rows), constant(4), [0x6b], set(rows), // i32.sub
    get(rows), constant(0), [0x4a], again, // i32.gt_s
  );

  const text = (value) => [value.length, ...new TextEncoder().encode(value)];
  const section = (id, ...content) => [id, ...length(content.flat().length), ...content.flat()];
  const locals = [3, 5, I32, 4, V128, 1, V128]; // column and pointers, sums, four
  const code = [...locals, ...body, 0x0b];
  return new Uint8Array([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, // "\0asm", version 1
    ...section(1, [1, 0x60, 5, I32, I32, I32, I32, I32, 0]), // its type: five numbers
    ...section(2, [1], text('page'), text('memory'), [2, 0, 1]), // what it imports
    ...section(3, [1, 0]),
    ...section(7, [1], text('multiply'), [0, 0]), // what it exports
    ...section(10, [1], length(code.length), code),
  ]);
}

/** A length as WebAssembly writes it, seven bits a byte. */
function length(value) {
  return value < 128 ? [value] : [(value & 127) | 128, ...length(value >> 7)];
}
