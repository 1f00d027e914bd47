/** What an activation asks for, for those who show calls. */
export { readActivation, type Activation } from '../dcom/activation-properties.js';
