/** Requests to the gateway, typed by its own OpenAPI document (`npm run types`). What is received has
 * all its fields; of what is `sent`, those with a default may be left out. */
import type { paths } from "./schema";
import type { paths as sent } from "./sent";
import { anotherKey, authorization } from "./key";

type Json<Response> = Response extends { content: { "application/json": infer Body } } ? Body : never;
type Verb<Path extends keyof paths, Method extends string> = paths[Path] extends Record<Method, infer Found> ? Found : never;
type Ok<Operation> = Operation extends { responses: { 200: infer Response } } ? Json<Response> : never;

/** Paths of queries: `/api/markets/exchange/queries/best`. */
export type QueryPath = Extract<keyof paths, `/api/${string}/queries/${string}`>;
export type Rows<Path extends QueryPath> = Ok<Verb<Path, "get">>;
export type Arguments<Path extends QueryPath> =
  sent[Path] extends { get: { parameters: { query?: infer Query } } }
    ? Omit<NonNullable<Query>, "min_sequence" | "partition">
    : never;

/** Paths of commands: `/api/markets/exchange/commands/place_order`. */
export type CommandPath = Extract<keyof paths, `/api/${string}/commands/${string}`> & keyof {
  [Path in keyof paths as paths[Path] extends { post: object } ? Path : never]: never;
};
export type Body<Path extends CommandPath> =
  sent[Path] extends { post: { requestBody: { content: { "application/json": infer Found } } } } ? Found : never;

/** Problem details (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
  code?: string;
  field?: string;
  path?: string;
}

/** Something that the gateway said no to, or that never reached it (status 0). */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail || problem.title);
  }
}

/** An event on the log, as it is told: its own fields beside these. */
export interface Told {
  type: string;
  sequence: number;
  cause: number;
  [field: string]: unknown;
}

export interface Answer {
  command: { partition: number; offset: number };
  events: Told[];
}

/** A request whose errors are `Refused`. Where a key is wanted, it is asked for. */
export async function request(path: string, given: RequestInit = {}): Promise<Response> {
  for (;;) {
    const headers = { Accept: "application/json", ...authorization(), ...given.headers };
    let response: Response;
    try {
      response = await fetch(path, { ...given, headers });
    } catch (error) {
      if (given.signal?.aborted) throw error;
      throw new Refused({ type: "about:blank", title: "The server does not answer", status: 0 });
    }
    if (response.status === 401) {
      await anotherKey();
      continue;
    }
    if (response.status >= 400) throw new Refused(await problemOf(response));
    return response;
  }
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    return (await response.json()) as Problem;
  } catch {
    return { type: "about:blank", title: response.statusText || "Error", status: response.status };
  }
}

/** The body of a GET that answers JSON. */
export async function getJson<Found>(path: string, signal?: AbortSignal): Promise<Found> {
  const response = await request(path, signal === undefined ? {} : { signal });
  return (await response.json()) as Found;
}

export function queryString(given: Record<string, unknown>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && value !== null && value !== "") parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

/** Ask a system's read models, once. */
export async function ask<Path extends QueryPath>(
  path: Path,
  given: Arguments<Path>,
  signal?: AbortSignal,
): Promise<Rows<Path>> {
  return getJson<Rows<Path>>(path + queryString(given as Record<string, unknown>), signal);
}

/** Send a command, and wait for its events. A rejection is `Refused`, with its code and field.
 * Tried again with the same key, it is decided once. */
export async function send<Path extends CommandPath>(
  path: Path,
  body: Body<Path>,
  key: string = crypto.randomUUID(),
): Promise<Answer> {
  return sendUntyped(path, body, key);
}

/** As `send`, where the command is known by the document alone. */
export async function sendUntyped(path: string, body: unknown, key: string = crypto.randomUUID()): Promise<Answer> {
  const headers = { "Content-Type": "application/json", "Idempotency-Key": key };
  const given = { method: "POST", headers, body: JSON.stringify(body) };
  const response = await request(path, given);
  return (await response.json()) as Answer;
}
