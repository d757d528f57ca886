/** What stands in a form, and the JSON that it becomes. Numbers are text until they are sent, so
 * that nothing a person types is lost. */
import { type Schema, unwrap } from "./description";

export type Draft = string | boolean | undefined | Draft[] | { [name: string]: Draft };
type Schemas = Record<string, Schema>;

/** Errors by path: `$.legs[0].price`. */
export type Errors = Record<string, string>;

export type Kind = "choice" | "truth" | "whole" | "number" | "text" | "list" | "tuple" | "struct" | "map" | "json";

/** How a value is put in. */
export function kindOf(schema: Schema): Kind {
  if (schema.enum !== undefined || schema.const !== undefined) return "choice";
  if (schema.prefixItems !== undefined) return "tuple";
  switch (schema.type) {
    case "boolean":
      return "truth";
    case "integer":
      return "whole";
    case "number":
      return "number";
    case "string":
      return "text";
    case "array":
      return "list";
    case "object":
      return schema.properties !== undefined ? "struct" : "map";
    default:
      return "json";
  }
}

export function choices(schema: Schema): unknown[] {
  return schema.enum ?? [schema.const];
}

/** The draft of a value that is there already, such as an example. */
export function draftOf(value: unknown, given: Schema, schemas: Schemas): Draft {
  if (value === undefined || value === null) return undefined;
  const { schema } = unwrap(given, schemas);
  switch (kindOf(schema)) {
    case "truth":
      return value === true;
    case "list":
      return (value as unknown[]).map((each) => draftOf(each, schema.items ?? {}, schemas));
    case "tuple":
      return (value as unknown[]).map((each, index) => draftOf(each, schema.prefixItems?.[index] ?? {}, schemas));
    case "struct":
    case "map":
      return Object.fromEntries(
        Object.entries(value as object).map(([name, each]) => [name, draftOf(each, fieldOf(schema, name), schemas)]),
      );
    case "json":
      return JSON.stringify(value);
    default:
      return String(value);
  }
}

/** A draft to begin with, where a person adds something. */
export function emptyDraft(given: Schema, schemas: Schemas): Draft {
  const { schema } = unwrap(given, schemas);
  switch (kindOf(schema)) {
    case "list":
      return [];
    case "tuple":
      return (schema.prefixItems ?? []).map((each) => emptyDraft(each, schemas));
    case "struct":
      return Object.fromEntries((schema.required ?? []).map((name) => [name, emptyDraft(fieldOf(schema, name), schemas)]));
    case "map":
      return {};
    case "truth":
      return schema.default === true;
    case "choice":
      return String(schema.default ?? choices(schema)[0] ?? "");
    default:
      return "";
  }
}

export function fieldOf(schema: Schema, name: string): Schema {
  const more = typeof schema.additionalProperties === "object" ? schema.additionalProperties : {};
  return schema.properties?.[name] ?? more;
}

/** The JSON of a draft; what is wrong with it goes to `errors`. Undefined: it is left out. */
export function convert(draft: Draft, given: Schema, schemas: Schemas, path: string, needed: boolean, errors: Errors): unknown {
  const { schema, nullable } = unwrap(given, schemas);
  const kind = kindOf(schema);
  const isText = typeof draft === "string";
  if (draft === undefined || (isText && draft === "" && !(needed && kind === "text" && (schema.minLength ?? 0) === 0))) {
    if (needed && nullable) return null;
    if (needed) errors[path] = "This is needed.";
    return undefined;
  }
  if (isText) return fromText(draft, kind, schema, path, errors);
  if (Array.isArray(draft)) {
    const of = (index: number): Schema => (kind === "tuple" ? schema.prefixItems?.[index] : schema.items) ?? {};
    return draft.map((each, index) => convert(each, of(index), schemas, `${path}[${index}]`, true, errors));
  }
  if (typeof draft === "boolean") return draft;
  const made: Record<string, unknown> = {};
  const names = kind === "struct" ? Object.keys(schema.properties ?? {}) : Object.keys(draft);
  for (const name of names) {
    const required = kind === "map" || (schema.required ?? []).includes(name);
    const value = convert(draft[name], fieldOf(schema, name), schemas, `${path}.${name}`, required, errors);
    if (value !== undefined) made[name] = value;
  }
  return made;
}

function fromText(text: string, kind: Kind, schema: Schema, path: string, errors: Errors): unknown {
  switch (kind) {
    case "choice":
      return choices(schema).find((each) => String(each) === text) ?? text;
    case "whole":
    case "number":
      return fromDigits(text.trim(), kind, schema, path, errors);
    case "json":
      try {
        return JSON.parse(text) as unknown;
      } catch {
        errors[path] = "This is no JSON.";
        return undefined;
      }
    default:
      errors[path] = wrongText(text, schema);
      if (errors[path] === "") delete errors[path];
      return text;
  }
}

function fromDigits(text: string, kind: Kind, schema: Schema, path: string, errors: Errors): unknown {
  const value = Number(text);
  const { minimum = -Infinity, maximum = Infinity } = schema;
  if (kind === "whole" && !/^-?\d+$/.test(text)) errors[path] = "A whole number, please.";
  else if (Number.isNaN(value)) errors[path] = "A number, please.";
  else if (kind === "whole" && !Number.isSafeInteger(value)) errors[path] = "Too long for a browser: send it with another client.";
  else if (value < minimum) errors[path] = `At least ${minimum}.`;
  else if (value > maximum) errors[path] = `At most ${maximum}.`;
  else if (schema.exclusiveMinimum !== undefined && value <= schema.exclusiveMinimum) errors[path] = `More than ${schema.exclusiveMinimum}.`;
  return value;
}

function wrongText(text: string, schema: Schema): string {
  const length = [...text].length;
  if (schema.minLength !== undefined && length < schema.minLength) return `At least ${schema.minLength} characters.`;
  if (schema.maxLength !== undefined && length > schema.maxLength) return `At most ${schema.maxLength} characters.`;
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(text)) return `Like ${schema.pattern}`;
  return "";
}
