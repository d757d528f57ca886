/** One query: its arguments, and its answer as it changes, or as it was. */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { getJson, type Problem, queryString } from "../../api/client";
import { useLiveUntyped } from "../../api/live";
import { whole, words } from "../../parts/format";
import { Badge, Empty, Field, Panel, ProblemNote, problemOf } from "../../parts/panel";
import { type Column, Table } from "../../parts/table";
import { About } from "./command";
import { type Operation, resolve, type Schema, unwrap } from "./description";
import { convert, type Draft, draftOf, type Errors } from "./draft";
import { StructFields } from "./schema_fields";
import { Fields, textOf } from "./value";

interface Given {
  system: string;
  operation: Operation;
  schemas: Record<string, Schema>;
}

/** What was asked last: arguments, and the moment, where that is not now. */
interface Asked {
  arguments: Record<string, unknown>;
  at: string;
  partition: string;
}

export function QueryPanel({ system, operation, schemas }: Given) {
  const { takes } = operation;
  const takesNothing = Object.keys(takes.properties ?? {}).length === 0;
  const [draft, setDraft] = useState<Draft>(() => draftOf(operation.example, takes, schemas));
  const [errors, setErrors] = useState<Errors>({});
  const [at, setAt] = useState("");
  const [partition, setPartition] = useState("");
  const [asked, setAsked] = useState<Asked | null>(() =>
    takesNothing ? { arguments: {}, at: "", partition: "" } : null,
  );

  function ask(event: Event): void {
    event.preventDefault();
    const found: Errors = {};
    const given = convert(draft, takes, schemas, "$", true, found) as Record<string, unknown>;
    setErrors(found);
    if (Object.keys(found).length === 0) setAsked({ arguments: given, at: at.trim(), partition: partition.trim() });
  }

  return (
    <Panel title={<span class="mono">{operation.name}</span>} tools={<Badge>query</Badge>}>
      <form class="stack" noValidate onSubmit={ask}>
        <About operation={operation} />
        {!takesNothing && (
          <StructFields schema={takes} schemas={schemas} draft={draft} path="$" errors={errors} onChange={setDraft} />
        )}
        <details class="system-more">
          <summary class="small">As of another moment</summary>
          <div class="system-fields">
            <Field label="at" hint="A command's offset, a time such as 2026-03-01T12:00:00Z, or nothing for now.">
              {(wired) => <input {...wired} class="mono" value={at} onInput={(event) => setAt(event.currentTarget.value)} />}
            </Field>
            <Field label="partition" hint="Of the offset.">
              {(wired) => (
                <input
                  {...wired}
                  class="mono"
                  inputMode="numeric"
                  value={partition}
                  onInput={(event) => setPartition(event.currentTarget.value)}
                />
              )}
            </Field>
          </div>
        </details>
        <div class="row">
          <button class="primary">{at === "" ? "Follow" : "Ask"}</button>
        </div>
      </form>
      {asked !== null && (
        <div class="system-result">
          {asked.at === "" ? (
            <Following key={JSON.stringify(asked)} {...{ system, operation, schemas, asked }} />
          ) : (
            <Then key={JSON.stringify(asked)} {...{ operation, schemas, asked }} />
          )}
        </div>
      )}
    </Panel>
  );
}

function Following({ system, operation, schemas, asked }: Given & { asked: Asked }) {
  const { value, problem, applied } = useLiveUntyped(system, operation.name, asked.arguments);
  const isThere = Object.keys(applied).length > 0;
  const told = Object.values(applied).reduce((sum, next) => sum + next, 0);
  return (
    <Answer
      operation={operation}
      schemas={schemas}
      value={value}
      problem={problem}
      isThere={isThere}
      badge={<Badge tone="accent">live · {whole(told)} events</Badge>}
    />
  );
}

/** Asked once: what was, does not change. */
function Then({ operation, schemas, asked }: { operation: Operation; schemas: Record<string, Schema>; asked: Asked }) {
  const [found, setFound] = useState<{ value: unknown; problem: Problem | null } | null>(null);
  useEffect(() => {
    const given = { ...asked.arguments, at: asked.at, partition: asked.partition };
    getJson<unknown>(operation.path + queryString(given)).then(
      (value) => setFound({ value, problem: null }),
      (error: unknown) => setFound({ value: null, problem: problemOf(error) }),
    );
  }, []);
  return (
    <Answer
      operation={operation}
      schemas={schemas}
      value={found?.value ?? null}
      problem={found?.problem ?? null}
      isThere={found !== null}
      badge={<Badge tone="information">as of {asked.at}</Badge>}
    />
  );
}

interface AnswerGiven {
  operation: Operation;
  schemas: Record<string, Schema>;
  value: unknown;
  problem: Problem | null;
  isThere: boolean;
  badge: ComponentChildren;
}

function Answer({ operation, schemas, value, problem, isThere, badge }: AnswerGiven) {
  if (problem !== null) return <ProblemNote problem={problem} />;
  if (!isThere) return <Empty>Asking…</Empty>;
  const rows = Array.isArray(value) ? (value as unknown[]) : null;
  return (
    <section class="stack" aria-label="Answer">
      <div class="row">
        {badge}
        {rows !== null && (
          <span class="small muted" role="status">
            {whole(rows.length)} {rows.length === 1 ? "row" : "rows"}
          </span>
        )}
      </div>
      {rows !== null ? (
        <Rows label={words(operation.name)} rows={rows} schema={itemsOf(operation.gives, schemas)} schemas={schemas} />
      ) : value === null || value === undefined ? (
        <Empty>There is none.</Empty>
      ) : typeof value === "object" ? (
        <Fields fields={value as Record<string, unknown>} />
      ) : (
        <p class="mono">{String(value)}</p>
      )}
    </section>
  );
}

function itemsOf(gives: Schema, schemas: Record<string, Schema>): Schema {
  const { schema } = unwrap(gives, schemas);
  return unwrap(schema.items ?? {}, schemas).schema;
}

interface RowsGiven {
  label: string;
  rows: unknown[];
  schema: Schema;
  schemas: Record<string, Schema>;
}

function Rows({ label, rows, schema, schemas }: RowsGiven) {
  const columns = useMemo(() => columnsOf(schema, schemas), [schema]);
  return (
    <div class="system-rows">
      <Table
        label={label}
        rows={rows}
        columns={columns}
        keyOf={(_, index) => index}
        height={Math.min(560, 40 + rows.length * 28 + (rows.length === 0 ? 60 : 0))}
        empty="No rows, so far."
      />
    </div>
  );
}

function columnsOf(schema: Schema, schemas: Record<string, Schema>): Column<unknown>[] {
  const properties = Object.entries(schema.properties ?? {});
  if (properties.length === 0) return [{ name: "value", cell: (row) => textOf("", row) }];
  return properties.map(([name, given]) => {
    const { schema: field } = unwrap(resolve(given, schemas), schemas);
    const isNumber = field.type === "integer" || field.type === "number";
    return {
      name,
      title: words(name),
      end: isNumber && !name.endsWith("_ms"),
      width: name.endsWith("_ms") ? "200px" : isNumber ? "110px" : "160px",
      cell: (row) => textOf(name, (row as Record<string, unknown>)[name]),
    };
  });
}
