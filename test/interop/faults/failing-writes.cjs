// Loaded before the program (--require): from its n-th write to a file on, the disk fails, as a broken one does; or the
// program is killed at it (FAULT_CODE=SIGKILL). Writes are counted by thread, and what gives files their names counts
// as one: FAULT_COUNT=FILE has the count written there at the end.
const fs = require('node:fs');
const { syncBuiltinESMExports } = require('node:module');

const [code, from] = [process.env.FAULT_CODE, Number(process.env.FAULT_FROM)];
const { writeFileSync } = fs;
let writes = 0;

function fails() {
  if (++writes < from) return false;
  if (code === 'SIGKILL') process.kill(process.pid, code);
  return true;
}

function failure() {
  return Object.assign(new Error(`${code}: write`), { code, syscall: 'write' });
}

/** Whether a call writes a file: by a number, none of the streams; by a name, always. */
const ofFile = (file) => typeof file !== 'number' || file > 2;

for (const name of ['writeSync', 'fsyncSync', 'writeFileSync', 'renameSync', 'linkSync']) {
  const real = fs[name];
  fs[name] = (file, ...rest) => {
    if (ofFile(file) && fails()) throw failure();
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
if (process.env.FAULT_COUNT !== undefined)
  process.on('exit', () => writeFileSync(process.env.FAULT_COUNT, String(writes)));
