/** All systems, a row each: how fast, how far behind, what is wrong. */
import { Sparkline } from "../../parts/chart";
import { Badge, Panel } from "../../parts/panel";
import { short, whole } from "../../parts/format";
import { pageOf, placeOf, rate, type Partition, type SystemTold } from "./told";

/** Events or commands: with fewer, it is on its way. */
const BEHIND = 100;

interface SystemsGiven {
  systems: readonly SystemTold[];
  onLetters: (system: string) => void;
}

export function SystemsPanel({ systems, onLetters }: SystemsGiven) {
  return (
    <Panel title="Systems" flush class="systems">
      <ul class="systems-list">
        <li class="systems-head small muted" aria-hidden="true">
          <span>System</span>
          <span>Events/s, last minute</span>
          <span class="systems-number">Commands/s</span>
          <span class="systems-number">Events/s</span>
          <span class="systems-number">Waiting</span>
          <span class="systems-number">Views behind</span>
          <span>Tasks</span>
          <span>Go to</span>
        </li>
        {systems.map((system) => (
          <Row key={system.name} system={system} onLetters={onLetters} />
        ))}
      </ul>
    </Panel>
  );
}

function Row({ system, onLetters }: { system: SystemTold; onLetters: (system: string) => void }) {
  const place = placeOf(system.name);
  const page = pageOf(system.name);
  const waiting = system.dead_letters.waiting ?? system.dead_letters.kept;
  return (
    <li class="systems-row" data-system={system.name}>
      <div class="systems-name">
        <a href={`/systems/${place}`}>
          <strong>{system.name}</strong>
        </a>
        <p class="small muted" title={system.about}>
          {system.about}
        </p>
      </div>
      <div class="systems-line">
        <Sparkline
          label={`Events a second of ${system.name}, now ${rate(system.events_per_s)}`}
          values={system.history.events_per_s}
          width={180}
          height={32}
        />
      </div>
      <Number label="Commands/s" name="commands" text={rate(system.commands_per_s)} />
      <Number label="Events/s" name="events" text={rate(system.events_per_s)} />
      <Number label="Waiting" name="lag" text={whole(system.lag)} isBad={system.lag > BEHIND} />
      <Number label="Views behind" name="read-model-lag" text={whole(system.read_model_lag)} isBad={system.read_model_lag > BEHIND} />
      <div class="systems-state">
        <State partitions={system.partitions} />
        {waiting > 0 && (
          <button type="button" class="systems-letters" onClick={() => onLetters(system.name)}>
            {whole(waiting)} dead letter{waiting === 1 ? "" : "s"}
          </button>
        )}
      </div>
      <nav class="systems-links small" aria-label={`Pages of ${system.name}`}>
        {page !== undefined && <a href={page.path}>{page.title}</a>}
        <a href={`/systems/${place}`}>API</a>
        <a href={`/time/${place}`}>Time machine</a>
      </nav>
    </li>
  );
}

interface NumberGiven {
  label: string;
  name: string;
  text: string;
  isBad?: boolean;
}

function Number({ label, name, text, isBad = false }: NumberGiven) {
  return (
    <div class="systems-number" data-of={name} data-bad={isBad}>
      <span class="systems-label small muted">{label}</span>
      <span class="mono">{text}</span>
    </div>
  );
}

/** What the tasks of all partitions do. */
function State({ partitions }: { partitions: readonly Partition[] }) {
  const tasks = partitions.flatMap((each) => (each.task === null ? [] : [each.task]));
  const recovering = tasks.filter((task) => task.state === "recovering");
  if (recovering.length > 0) {
    const done = tasks.reduce((sum, task) => sum + task.recovered, 0);
    const all = Math.max(tasks.reduce((sum, task) => sum + task.recovery_end, 0), 1);
    return (
      <Badge tone="warning">
        recovering, {Math.floor((100 * done) / all)} % of {short(all)}
      </Badge>
    );
  }
  const behind = partitions.reduce((sum, each) => sum + each.lag, 0) > BEHIND;
  if (behind) return <Badge tone="warning">behind, {partitions.length} partitions</Badge>;
  if (tasks.length === 0) return <Badge>{partitions.length} partitions</Badge>; // in other processes
  return <Badge tone="buy">{partitions.length} partitions up</Badge>;
}
