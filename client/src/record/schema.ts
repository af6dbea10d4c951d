/** The form of an act's members, as data: the small part of JSON Schema that the table of acts is written in.
 *
 * Lives here: `Schema`, `conforms`.
 * Not here: the table (`acts.json`, made by tests/vectors/acts.py from the node's own types).
 *
 * `uniqueItems` is passed over, as the node does: a set may be spelt with a member twice.
 */

import type { Json } from './canonical';

export interface Schema {
  readonly $ref?: string;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly Json[];
  readonly type?: 'string' | 'integer' | 'boolean' | 'null' | 'object' | 'array';
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly prefixItems?: readonly Schema[];
  readonly items?: Schema | false;
  readonly uniqueItems?: boolean;
  readonly maxProperties?: number;
  readonly properties?: { readonly [name: string]: Schema };
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | false;
}

export type Definitions = { readonly [name: string]: Schema };

/** Whether a canonical JSON value has the form. */
export function conforms(value: Json, schema: Schema, definitions: Definitions): boolean {
  const { $ref, anyOf } = schema;
  if ($ref !== undefined) {
    const named = definitions[$ref.replace('#/', '')];
    return named !== undefined && conforms(value, named, definitions);
  }
  if (anyOf) return anyOf.some(each => conforms(value, each, definitions));
  if (schema.enum) return schema.enum.includes(value);
  switch (schema.type) {
    case 'null':
      return value === null;
    case 'boolean':
      return typeof value === 'boolean';
    case 'string':
      return typeof value === 'string' && (schema.pattern === undefined || regex(schema.pattern).test(value));
    case 'integer':
      return typeof value === 'number' && value >= (schema.minimum ?? 0) && value <= (schema.maximum ?? Infinity);
    case 'array':
      return Array.isArray(value) && isArray(value, schema, definitions);
    case 'object':
      return value !== null && typeof value === 'object' && !Array.isArray(value)
        && isObject(value as { readonly [name: string]: Json }, schema, definitions);
    default:
      return true;
  }
}

function isArray(value: readonly Json[], schema: Schema, definitions: Definitions): boolean {
  const { items, prefixItems = [], minItems = 0, maxItems = Infinity } = schema;
  return value.length >= minItems && value.length <= maxItems && value.every((item, at) => {
    const form = prefixItems[at] ?? items;
    return form === undefined || (form !== false && conforms(item, form, definitions));
  });
}

function isObject(value: { readonly [name: string]: Json }, schema: Schema, definitions: Definitions): boolean {
  const { properties = {}, required = [], additionalProperties, maxProperties = Infinity } = schema;
  const names = Object.keys(value);
  return names.length <= maxProperties && required.every(name => Object.hasOwn(value, name)) && names.every(name => {
    const form = Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
    return form === undefined || (form !== false && conforms(value[name] as Json, form, definitions));
  });
}

const patterns = new Map<string, RegExp>();

function regex(pattern: string): RegExp {
  let found = patterns.get(pattern);
  if (!found) {
    found = new RegExp(pattern);
    patterns.set(pattern, found);
  }
  return found;
}
