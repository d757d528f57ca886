/** What a query says at the moment: its rows as a table, those that are new marked; and, beside a
 * pinned moment, what it says now that it did not say then. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { whole } from "../../parts/format";
import { Empty, Field, problemOf, ProblemNote } from "../../parts/panel";
import type { Problem } from "../../api/client";
import { Conflated, inline, moment as momentText, type Question, type Row } from "./history";
import type { Machine } from "./machine";

const MOMENTS_FROM_MS = 1e11;
const ROWS_SHOWN = 300;

/** Which query is asked, with which arguments: shared with the comparison. */
export interface Asked {
  query: string;
  given: Record<string, string>;
}

interface ReadModelsGiven {
  machine: Machine;
  questions: readonly Question[] | null;
  asked: Asked | null;
  ask: (asked: Asked) => void;
}

export function ReadModels({ machine, questions, asked, ask }: ReadModelsGiven) {
  const question = questions?.find((each) => each.query === asked?.query);
  if (questions !== null && questions.length === 0) return <Empty>This system has no read models.</Empty>;
  return (
    <div class="stack">
      <form class="tm-question" onSubmit={(event) => event.preventDefault()}>
        <Field label="Query">
          {(field) => (
            <select
              {...field}
              value={asked?.query ?? ""}
              onChange={(event) => {
                const chosen = questions?.find((each) => each.query === event.currentTarget.value);
                if (chosen !== undefined) ask(firstAsked(chosen));
              }}
            >
              {questions?.map((each) => (
                <option key={each.query} value={each.query}>
                  {each.query}
                </option>
              ))}
            </select>
          )}
        </Field>
        {question?.arguments.map((argument) => (
          <Field key={`${question.query} ${argument.name}`} label={argument.name}>
            {(field) => (
              <input
                {...field}
                class="mono"
                placeholder={argument.required ? argument.kind : "any"}
                value={asked?.given[argument.name] ?? ""}
                onChange={(event) => {
                  if (asked !== null) ask({ ...asked, given: { ...asked.given, [argument.name]: event.currentTarget.value } });
                }}
              />
            )}
          </Field>
        ))}
      </form>
      {question !== undefined && asked !== null && <Answer machine={machine} asked={asked} question={question} />}
    </div>
  );
}

export function firstAsked(question: Question): Asked {
  const known = question.arguments.filter((argument) => argument.value !== null && argument.name !== "now_ms");
  return { query: question.query, given: Object.fromEntries(known.map((argument) => [argument.name, String(argument.value)])) };
}

function Answer({ machine, asked, question }: { machine: Machine; asked: Asked; question: Question }) {
  const [rows, setRows] = useState<readonly Row[] | null>(null);
  const [before, setBefore] = useState<readonly Row[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const requests = useMemo(() => new Conflated(), [machine]);
  const here = machine.moment.value;
  const isWhole = question.arguments.every((argument) => !argument.required || asked.given[argument.name]);
  const offset = here?.command_offset;
  useEffect(() => {
    setRows(null);
    setBefore([]);
  }, [asked]);
  useEffect(() => {
    if (offset === undefined || here === null || !isWhole) return;
    let ended = false;
    requests.run(async () => {
      try {
        const found = await machine.past.ask(asked.query, { ...asked.given, at: offset, partition: here.partition });
        if (ended && !machine.playing.value) return;
        setRows((shown) => {
          setBefore(shown ?? []);
          return rowsOf(found);
        });
        setProblem(null);
      } catch (error) {
        setProblem(problemOf(error));
      }
    });
    return () => {
      ended = true;
    };
  }, [asked, offset, here?.partition]);
  const shown = useMemo(() => marked(rows ?? [], before), [rows]);
  if (!isWhole) return <Empty>Say what the query is about.</Empty>;
  if (problem !== null) return <ProblemNote problem={problem} />;
  if (rows === null) return <p class="muted small">…</p>;
  if (rows.length === 0) return <Empty>Nothing, at this moment.</Empty>;
  const names = [...new Set(rows.slice(0, 50).flatMap((row) => Object.keys(row)))];
  const isNumber = (name: string) => rows.every((row) => typeof row[name] === "number" || row[name] === null);
  const ends = new Set(names.filter(isNumber));
  return (
    <div class="tm-answer tm-scroll" tabIndex={0} role="group" aria-label="Rows">
      <table aria-label={`${asked.query} at this moment`}>
        <thead>
          <tr>
            {names.map((name) => (
              <th key={name} scope="col" class={ends.has(name) ? "table-end" : undefined}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.slice(0, ROWS_SHOWN).map(({ row, isNew, changed }, at) => (
            <tr key={at} class={isNew ? "tm-new" : undefined}>
              {names.map((name) => (
                <td key={name} class={ends.has(name) ? "table-end" : undefined}>
                  <span class={changed.has(name) ? "tm-changed" : undefined}>{cellText(name, row[name])}</span>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > ROWS_SHOWN && <p class="muted small">… and {whole(rows.length - ROWS_SHOWN)} rows more</p>}
    </div>
  );
}

export function rowsOf(found: unknown): readonly Row[] {
  const rows = Array.isArray(found) ? found : found === null || found === undefined ? [] : [found];
  return rows.map((row: unknown) => (typeof row === "object" && row !== null ? (row as Row) : { value: row }));
}

interface Marked {
  row: Row;
  isNew: boolean;
  changed: ReadonlySet<string>;
}

/** Of rows that were not there a moment ago, which fields differ from the one they stand for. */
function marked(rows: readonly Row[], before: readonly Row[]): Marked[] {
  const known = new Set(before.map((row) => JSON.stringify(row)));
  const named = new Map(before.map((row) => [String(Object.values(row)[0]), row]));
  return rows.map((row) => {
    if (before.length === 0 || known.has(JSON.stringify(row))) return { row, isNew: false, changed: new Set<string>() };
    const old = named.get(String(Object.values(row)[0]));
    const names = Object.keys(row).filter((name) => old !== undefined && JSON.stringify(old[name]) !== JSON.stringify(row[name]));
    return { row, isNew: old === undefined, changed: new Set(names) };
  });
}

function cellText(name: string, value: unknown): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") {
    if (name.endsWith("_ms") && value > MOMENTS_FROM_MS) return momentText(value).slice(0, 19);
    return name.endsWith("_id") || name === "partition" ? String(value) : whole(value);
  }
  return inline(value, 80);
}
