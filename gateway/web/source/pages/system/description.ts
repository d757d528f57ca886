/** What the gateway says of a system: its OpenAPI document, which is all that this page knows. */
import { getJson } from "../../api/client";

export interface Schema {
  $ref?: string;
  type?: "object" | "array" | "string" | "integer" | "number" | "boolean" | "null";
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  items?: Schema;
  prefixItems?: Schema[];
  minItems?: number;
  maxItems?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  default?: unknown;
  description?: string;
}

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema: Schema;
  example?: unknown;
}

interface Content {
  schema: Schema;
  example?: unknown;
}

interface DescribedOperation {
  operationId: string;
  tags?: string[];
  summary: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { content: Record<string, Content> };
  responses: Record<string, { content?: Record<string, Content> }>;
}

interface Document {
  tags: { name: string; description?: string }[];
  paths: Record<string, Record<string, DescribedOperation>>;
  components: { schemas: Record<string, Schema> };
}

export interface Operation {
  name: string;
  path: string;
  summary: string;
  about: string;
  /** What it takes: the fields of a command, or the arguments of a query. */
  takes: Schema;
  example: Record<string, unknown>;
  /** Of a query. */
  gives: Schema;
}

export interface Description {
  about: string;
  commands: Operation[];
  queries: Operation[];
  /** The types of events. */
  events: string[];
  schemas: Record<string, Schema>;
}

/** Of any query, whatever it asks: not its own. */
const ASKING = new Set(["min_sequence", "partition", "page_size", "cursor", "at"]);
const REFERENCE = "#/components/schemas/";

const known = new Map<string, Promise<Description>>();

/** Asked for once, and again where that failed. */
export function describe(family: string, system: string): Promise<Description> {
  const name = `${family}.${system}`;
  let found = known.get(name);
  if (found === undefined) {
    const path = `/schema/openapi.json?system=${encodeURIComponent(name)}`;
    found = getJson<Document>(path).then((document) => read(document, family, system));
    found.catch(() => known.delete(name));
    known.set(name, found);
  }
  return found;
}

function read(document: Document, family: string, system: string): Description {
  const base = `/api/${family}/${system}`;
  const { schemas } = document.components;
  const commands: Operation[] = [];
  const queries: Operation[] = [];
  for (const [path, { get, post }] of Object.entries(document.paths)) {
    if (path.startsWith(`${base}/commands/`) && post !== undefined) commands.push(command(path, post));
    if (path.startsWith(`${base}/queries/`) && get !== undefined) queries.push(query(path, get));
  }
  const event = Object.keys(schemas).find((name) => name === `${pascal(family)}${pascal(system)}Event`);
  const kinds = event === undefined ? [] : (schemas[event]?.oneOf ?? []);
  return {
    about: document.tags.find((tag) => tag.name === `${family}.${system}`)?.description ?? "",
    commands,
    queries,
    events: kinds.map((kind) => String(resolve(kind, schemas).properties?.["type"]?.const ?? "")),
    schemas,
  };
}

function pascal(name: string): string {
  return name
    .split(/[^0-9A-Za-z]+/)
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join("");
}

function named(path: string, operation: DescribedOperation) {
  const { summary, description = "" } = operation;
  return { name: path.slice(path.lastIndexOf("/") + 1), path, summary, about: description };
}

function command(path: string, operation: DescribedOperation): Operation {
  const content = operation.requestBody?.content["application/json"];
  return {
    ...named(path, operation),
    takes: content?.schema ?? { type: "object" },
    example: (content?.example ?? {}) as Record<string, unknown>,
    gives: {},
  };
}

function query(path: string, operation: DescribedOperation): Operation {
  const own = (operation.parameters ?? []).filter((each) => each.in === "query" && !ASKING.has(each.name));
  const takes: Schema = {
    type: "object",
    properties: Object.fromEntries(own.map((each) => [each.name, withAbout(each)])),
    required: own.filter((each) => each.required === true).map((each) => each.name),
  };
  return {
    ...named(path, operation),
    takes,
    example: Object.fromEntries(own.filter((each) => "example" in each).map((each) => [each.name, each.example])),
    gives: operation.responses["200"]?.content?.["application/json"]?.schema ?? {},
  };
}

function withAbout({ schema, description }: Parameter): Schema {
  return description === undefined ? schema : { ...schema, description };
}

/** What a reference leads to, with what is said beside it. */
export function resolve(schema: Schema, schemas: Record<string, Schema>): Schema {
  if (schema.$ref === undefined) return schema;
  const { $ref, ...beside } = schema;
  return { ...schemas[$ref.slice(REFERENCE.length)], ...beside };
}

/** Of "this or nothing": this, and whether nothing will do. */
export function unwrap(schema: Schema, schemas: Record<string, Schema>): { schema: Schema; nullable: boolean } {
  const whole = resolve(schema, schemas);
  const several = whole.anyOf ?? [];
  const rest = several.filter((each) => each.type !== "null");
  if (rest.length !== 1 || rest[0] === undefined || several.length === 1) {
    return { schema: whole, nullable: rest.length < several.length };
  }
  const { anyOf: _, ...beside } = whole;
  return { schema: { ...resolve(rest[0], schemas), ...beside }, nullable: true };
}
