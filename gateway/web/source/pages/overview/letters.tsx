/** Dead letters of all systems: what could not be decided, why, and its second chance. */
import { useEffect, useState } from "preact/hooks";
import { getJson, queryString, request, type Problem } from "../../api/client";
import { clock, date } from "../../parts/format";
import { Badge, Dialog, Note, Panel, ProblemNote, problemOf } from "../../parts/panel";
import { Table, type Column } from "../../parts/table";
import { placeOf, type SystemTold } from "./told";

interface Letter {
  partition: number;
  offset: number;
  timestamp: number;
  key: string | null;
  error: string;
  status: "waiting" | "retried";
  retried_as: number | null;
  retry_of: number | null;
  value: string | null;
  headers: [string, string | null][];
}

interface Row {
  system: string;
  letter: Letter;
}

interface Whole {
  letter: Letter;
  command: unknown;
  decodes: boolean;
  problem: string;
}

interface LettersGiven {
  systems: readonly SystemTold[];
  /** Which system's; empty: all. */
  chosen: string;
  onChoose: (system: string) => void;
}

function pathOf(system: string, letter?: Letter): string {
  const path = `/api/house/systems/${placeOf(system)}/dead-letters`;
  return letter === undefined ? path : `${path}/${letter.partition}/${letter.offset}`;
}

export function LettersPanel({ systems, chosen, onChoose }: LettersGiven) {
  const [rows, setRows] = useState<Row[]>([]);
  const [more, setMore] = useState<Record<string, string>>({});
  const [problem, setProblem] = useState<Problem | null>(null);
  const [open, setOpen] = useState<Row | null>(null);
  const [all, setAll] = useState(false);
  const asked = systems.filter((each) => each.dead_letters.kept > 0 && (chosen === "" || each.name === chosen));
  const state = asked.map((each) => `${each.name}=${each.dead_letters.kept}/${each.dead_letters.waiting}`).join();

  async function fetched(names: Record<string, string>, signal?: AbortSignal): Promise<Row[]> {
    const found: Row[] = [];
    const left: Record<string, string> = {};
    for (const [system, cursor] of Object.entries(names)) {
      const query = queryString({ cursor, waiting: !all });
      const page = await getJson<{ letters: Letter[]; next: string | null }>(pathOf(system) + query, signal);
      found.push(...page.letters.map((letter) => ({ system, letter })));
      if (page.next !== null) left[system] = page.next;
    }
    setMore(left);
    return found;
  }

  useEffect(() => {
    const ending = new AbortController();
    fetched(Object.fromEntries(asked.map((each) => [each.name, ""])), ending.signal).then(
      (found) => {
        setRows(found);
        setProblem(null);
      },
      (error: unknown) => {
        if (!ending.signal.aborted) setProblem(problemOf(error));
      },
    );
    return () => ending.abort();
  }, [state, all]);

  const tools = (
    <>
      <label class="row small">
        <input type="checkbox" checked={all} onChange={(event) => setAll(event.currentTarget.checked)} />
        retried ones too
      </label>
      <select aria-label="Dead letters of which system" value={chosen} onChange={(event) => onChoose(event.currentTarget.value)}>
        <option value="">all systems</option>
        {systems.map((each) => (
          <option key={each.name} value={each.name}>
            {each.name}
          </option>
        ))}
      </select>
    </>
  );
  return (
    <Panel title="Dead letters" tools={tools} flush class="letters">
      <ProblemNote problem={problem} />
      <Table
        label="Dead letters"
        rows={rows}
        columns={COLUMNS}
        keyOf={({ system, letter }) => `${system}-${letter.partition}:${letter.offset}`}
        height={300}
        onChoose={setOpen}
        empty="None: every command could be decided."
      />
      {Object.keys(more).length > 0 && (
        <p class="letters-more">
          <button type="button" onClick={() => fetched(more).then((found) => setRows([...rows, ...found]), (error: unknown) => setProblem(problemOf(error)))}>
            More of them
          </button>
        </p>
      )}
      <Dialog title={open === null ? "Dead letter" : `${open.system}, command ${open.letter.partition}:${open.letter.offset}`} open={open !== null} onClose={() => setOpen(null)}>
        {open !== null && <Shown key={`${open.system}-${open.letter.partition}-${open.letter.offset}`} row={open} />}
      </Dialog>
    </Panel>
  );
}

const COLUMNS: Column<Row>[] = [
  { name: "system", title: "System", width: "140px", cell: ({ system }) => system },
  { name: "place", title: "Command", width: "76px", end: true, cell: ({ letter }) => `${letter.partition}:${letter.offset}` },
  { name: "at", title: "When", width: "172px", cell: ({ letter }) => `${date(letter.timestamp)}, ${clock(letter.timestamp)}` },
  { name: "key", title: "Key", width: "110px", cell: ({ letter }) => letter.key ?? "–" },
  { name: "status", title: "", width: "70px", cell: ({ letter }) => <Badge tone={letter.status === "waiting" ? "warning" : "buy"}>{letter.status}</Badge> },
  { name: "error", title: "What was wrong", width: "minmax(220px, 1fr)", cell: ({ letter }) => <span title={letter.error}>{letter.error}</span> },
];

/** One, whole; it can be retried once. */
function Shown({ row }: { row: Row }) {
  const [whole, setWhole] = useState<Whole | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [retried, setRetried] = useState<Letter[] | null>(null);
  const [isSending, setSending] = useState(false);
  const path = pathOf(row.system, row.letter);
  useEffect(() => {
    const ending = new AbortController();
    getJson<Whole>(path, ending.signal).then(setWhole, (error: unknown) => {
      if (!ending.signal.aborted) setProblem(problemOf(error));
    });
    return () => ending.abort();
  }, [path, retried]);

  async function retry(): Promise<void> {
    setSending(true);
    setProblem(null);
    try {
      const response = await request(`${path}/retry`, { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } });
      setRetried(((await response.json()) as { retried: Letter[] }).retried);
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setSending(false);
    }
  }

  const letter = whole?.letter ?? row.letter;
  const mayRetry = letter.status === "waiting" && retried === null;
  return (
    <div class="stack">
      <Note tone="danger">{letter.error}</Note>
      <dl class="letters-facts">
        <dt>When</dt>
        <dd>
          {date(letter.timestamp)}, {clock(letter.timestamp)}
        </dd>
        <dt>Key</dt>
        <dd class="mono">{letter.key ?? "none: it was for all partitions"}</dd>
        {letter.retry_of !== null && (
          <>
            <dt>A retry of</dt>
            <dd class="mono">
              {letter.partition}:{letter.retry_of}
            </dd>
          </>
        )}
        {letter.retried_as !== null && (
          <>
            <dt>Retried as</dt>
            <dd class="mono">
              {letter.partition}:{letter.retried_as}
            </dd>
          </>
        )}
        {letter.headers.map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd class="mono">{value}</dd>
          </>
        ))}
      </dl>
      <h3>The record</h3>
      <pre class="letters-record" tabIndex={0} aria-label="The record">
        {whole !== null && whole.command !== null ? JSON.stringify(whole.command, null, 2) : (letter.value ?? "a tombstone")}
      </pre>
      {whole !== null && !whole.decodes && mayRetry && <Note tone="warning">The rules of today cannot read it either: {whole.problem}</Note>}
      <ProblemNote problem={problem} />
      {retried !== null && (
        <Note tone="buy">
          Appended again{retried.length > 1 ? `, with ${retried.length - 1} earlier of its key` : ""}: command{" "}
          {retried.map((each) => `${each.partition}:${each.retried_as}`).join(", ")}. One that fails again is a new letter.
        </Note>
      )}
      <div class="row">
        <button type="button" class="primary" disabled={!mayRetry || isSending} onClick={retry}>
          Retry
        </button>
        <span class="small muted">With the earlier waiting ones of its key, in order; once.</span>
      </div>
    </div>
  );
}
