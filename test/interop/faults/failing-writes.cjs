// Loaded before the program (--require): from its n-th write to a file on, the disk fails, as a broken one does.
const fs = require('node:fs');
const { syncBuiltinESMExports } = require('node:module');

const [code, from] = [process.env.FAULT_CODE, Number(process.env.FAULT_FROM)];
let writes = 0;

function fails() {
  return ++writes >= from;
}

function failure() {
  return Object.assign(new Error(`${code}: write`), { code, syscall: 'write' });
}

for (const name of ['writeSync', 'fsyncSync']) {
  const real = fs[name];
  fs[name] = (file, ...rest) => {
    if (file > 2 && fails()) throw failure();
    return real(file, ...rest);
  };
}
const realOpen = fs.promises.open;
fs.promises.open = async (...given) => {
  const handle = await realOpen(...given);
  if (given[1] === 'r' || given[1] === undefined) return handle;
  for (const name of ['write', 'writeFile', 'sync']) {
    const real = handle[name].bind(handle);
    handle[name] = async (...rest) => {
      if (fails()) throw failure();
      return real(...rest);
    };
  }
  return handle;
};
syncBuiltinESMExports();
