export { jsonText, quote } from '../bytes/json.js';
export { valueJson } from '../ndr/json.js';
