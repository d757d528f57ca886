/** The state at the moment: as the system draws it, and as a tree that opens where one looks. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { whole } from "../../parts/format";
import { Conflated, inline, type StatePage, type StatePart } from "./history";
import type { Machine } from "./machine";

const PAGE = 50;

export function Drawing({ machine }: { machine: Machine }) {
  const here = machine.moment.value;
  return (
    <pre class="tm-drawing" tabIndex={0} aria-label="The state, drawn">
      {here?.rendering ?? ""}
    </pre>
  );
}

export function StateTree({ machine }: { machine: Machine }) {
  const [kind, setKind] = useState("");
  const [page, setPage] = useState<StatePage | null>(null);
  return (
    <div class="tm-tree">
      <div class="row tm-kinds">
        {Object.entries(page?.kinds ?? {})
          .filter(([name]) => name !== "")
          .map(([name, count]) => (
            <button
              key={name}
              type="button"
              class="small"
              aria-pressed={kind === name}
              onClick={() => setKind(kind === name ? "" : name)}
            >
              {name} <span class="muted">{whole(count)}</span>
            </button>
          ))}
      </div>
      <Branch machine={machine} path="" kind={kind} onPage={setPage} />
    </div>
  );
}

interface BranchGiven {
  machine: Machine;
  path: string;
  kind?: string;
  onPage?: (page: StatePage) => void;
}

/** What stands at a path, a page of it; asked for anew when the moment settles elsewhere. */
function Branch({ machine, path, kind = "", onPage }: BranchGiven) {
  const [page, setPage] = useState<StatePage | null>(null);
  const [begin, setBegin] = useState(0);
  const requests = useMemo(() => new Conflated(), [machine]);
  const here = machine.settled.value;
  useEffect(() => setBegin(0), [kind]);
  useEffect(() => {
    if (here === null) return;
    requests.run(async () => {
      try {
        const given = { at: here.command_offset, path, kind, begin, limit: PAGE };
        const found = await machine.past.state(here.partition, given);
        setPage(found);
        onPage?.(found);
      } catch {
        setPage(null); // it is not there at this moment
      }
    });
  }, [here, path, kind, begin]);
  if (page === null) return <p class="muted small tm-leaf">…</p>;
  return (
    <>
      <ul>
        {page.parts.map((part) => (
          <Node key={part.path} machine={machine} part={part} />
        ))}
      </ul>
      {page.count > PAGE && (
        <div class="row tm-leaf small">
          <button type="button" class="small" disabled={begin === 0} onClick={() => setBegin(Math.max(0, begin - PAGE))}>
            Earlier
          </button>
          <span class="muted">
            {whole(page.begin + 1)} – {whole(page.begin + page.parts.length)} of {whole(page.count)}
          </span>
          <button type="button" class="small" disabled={begin + PAGE >= page.count} onClick={() => setBegin(begin + PAGE)}>
            Further
          </button>
        </div>
      )}
    </>
  );
}

function Node({ machine, part }: { machine: Machine; part: StatePart }) {
  const [open, setOpen] = useState(false);
  const isLarge = part.count !== undefined;
  const isObject = typeof part.value === "object" && part.value !== null;
  if (!isLarge && !isObject) {
    return (
      <li class="tm-leaf">
        <span class="tm-name">{part.name}</span> <span class="mono">{inline(part.value, 300)}</span>
      </li>
    );
  }
  return (
    <li>
      <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <span class="tm-name">{part.name}</span>{" "}
          {isLarge ? (
            <span class="muted">
              {part.kind} of {whole(part.count ?? 0)}
            </span>
          ) : (
            <Short value={part.value} kind={part.kind ?? ""} />
          )}
        </summary>
        {open && (isLarge ? <Branch machine={machine} path={part.path} /> : <pre class="tm-leaf small">{JSON.stringify(part.value, null, 2)}</pre>)}
      </details>
    </li>
  );
}

function Short({ value, kind }: { value: unknown; kind: string }) {
  const fields = Object.entries(value as object).filter(([name]) => name !== "type");
  return (
    <span class="mono tm-short">
      {kind !== "" && <strong>{kind} </strong>}
      {fields.map(([name, each]) => (
        <span key={name}>
          <span class="muted">{name}=</span>
          {inline(each, 40)}{" "}
        </span>
      ))}
    </span>
  );
}
