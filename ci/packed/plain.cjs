// From CommonJS: Node 20.19, 22.12 and newer can require a module.
const { decode } = require('uamgscope');

async function main(file) {
  let calls = 0;
  for await (const record of decode(file)) if (record.kind === 'call') calls++;
  if (calls === 0) throw new Error(`${file}: no call`);
  console.log(`CommonJS: ${calls} calls`);
}

void main(process.argv[2]);
