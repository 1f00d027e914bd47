import { ClientError } from './error.js';
import { enumNumber } from './arguments.js';
import { ExpressionError, type Node, type Statement } from './expression.js';
import type { Client } from './client.js';
import { MAX_ITEMS, RemoteObject, type Argument, type RemoteValue } from './object.js';

/** A value that a statement shows; `[*]` shows many. */
export interface Shown {
  readonly text: string;
  readonly value: RemoteValue;
}

/** Makes the calls of statements, beginning at an object, which is `$this`. Variables live as long as the evaluator. */
export class Evaluator {
  private readonly client: Client;
  private readonly root: RemoteObject;
  private readonly variables = new Map<string, readonly RemoteValue[]>();

  constructor(client: Client, root: RemoteObject) {
    this.client = client;
    this.root = root;
    this.variables.set('$this', [root]);
  }

  /**
   * Runs one statement: what it shows; nothing for a property put and for a value that gets a name. @throws
   * ClientError, ExpressionError
   */
  async run(statement: Statement): Promise<readonly Shown[]> {
    if (statement.kind === 'show')
      return (await this.values(statement.value)).map((value) => ({ text: statement.text, value }));
    if (statement.kind === 'let') {
      this.variables.set(statement.name, await this.values(statement.value));
      return [];
    }
    const { target, value } = statement;
    const given = await this.argument(value);
    for (const object of await this.objects(target.of, target.at)) {
      const args = await this.all(target.kind === 'member' ? (target.args ?? []) : target.args);
      await object.put(target.kind === 'member' ? target.name : 'Item', ...args, given);
    }
    return [];
  }

  private async values(node: Node): Promise<readonly RemoteValue[]> {
    switch (node.kind) {
      case 'root':
        return [this.root];
      case 'literal':
        return [node.value];
      case 'constant':
        return [await this.argument(node)] as readonly RemoteValue[];
      case 'variable': {
        const known = this.variables.get(node.name);
        if (known === undefined) throw new ExpressionError(`${node.name} has no value yet`, node.at);
        return known;
      }
      case 'member': {
        const args = await this.all(node.args ?? []);
        return this.each(node.of, node.at, (one) =>
          node.args === null ? one.get(node.name) : one.call(node.name, ...args),
        );
      }
      case 'index': {
        const args = await this.all(node.args);
        return this.each(node.of, node.at, (one) => one.get('Item', ...args));
      }
      case 'as':
        return this.each(node.of, node.at, (one) => one.as(node.interface));
      case 'each': {
        const found: RemoteValue[] = [];
        for (const one of await this.objects(node.of, node.at)) {
          for (const item of await one.items()) found.push(item);
          if (found.length > MAX_ITEMS) throw new ExpressionError(`more than ${MAX_ITEMS} elements`, node.at);
        }
        return found;
      }
    }
  }

  private async each(
    node: Node,
    at: number,
    what: (object: RemoteObject) => Promise<RemoteValue>,
  ): Promise<readonly RemoteValue[]> {
    const found: RemoteValue[] = [];
    for (const one of await this.objects(node, at)) found.push(await what(one));
    return found;
  }

  private async objects(node: Node, at: number): Promise<readonly RemoteObject[]> {
    return (await this.values(node)).map((value) => {
      if (value instanceof RemoteObject) return value;
      throw new ClientError(
        'usage',
        `column ${at + 1}: what stands before it is ${value === null ? 'null' : `no object but ${JSON.stringify(value)}`}`,
      );
    });
  }

  private async all(nodes: readonly Node[]): Promise<readonly Argument[]> {
    const args: Argument[] = [];
    for (const node of nodes) args.push(await this.argument(node));
    return args;
  }

  private async argument(node: Node): Promise<Argument> {
    if (node.kind === 'constant') {
      const number = enumNumber(node.name, this.client.options.registry);
      if (number === null)
        throw new ExpressionError(
          `${node.name} is no member of an enumeration that is known; a string stands in quotes`,
          node.at,
        );
      return number;
    }
    const [value, ...more] = await this.values(node);
    if (value === undefined || more.length > 0)
      throw new ClientError('usage', 'an argument is one value, not what [*] gives');
    return value as Argument;
  }
}
