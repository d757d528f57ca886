/** Topics, partition by partition: what they hold, and how far it was brought. */
import { useState } from "preact/hooks";
import { bytes, clock, date, whole } from "../../parts/format";
import { Panel, Tabs } from "../../parts/panel";
import { Table, type Column } from "../../parts/table";
import type { Extent, Partition, ReadModel, SystemTold } from "./told";

const VIEWS = ["partitions", "read models"] as const;
type View = (typeof VIEWS)[number];

interface PartitionRow {
  system: SystemTold;
  partition: Partition;
}

interface ModelRow {
  system: SystemTold;
  model: ReadModel;
}

export function PartitionsPanel({ systems }: { systems: readonly SystemTold[] }) {
  const [view, setView] = useState<View>("partitions");
  const tools = <Tabs label="What to list" names={VIEWS} chosen={view} onChoose={setView} />;
  return (
    <Panel title="Topics" tools={tools} flush>
      {view === "partitions" ? <Partitions systems={systems} /> : <Models systems={systems} />}
    </Panel>
  );
}

function Partitions({ systems }: { systems: readonly SystemTold[] }) {
  const rows = systems.flatMap((system) => system.partitions.map((partition) => ({ system, partition })));
  return (
    <Table
      label="Partitions"
      rows={rows}
      columns={PARTITION_COLUMNS}
      keyOf={({ system, partition }) => `${system.name}-${partition.number}`}
      height={420}
    />
  );
}

function extent({ start, end }: Extent): string {
  return start === 0 ? whole(end) : `${whole(start)} – ${whole(end)}`;
}

function size(...extents: Extent[]): string {
  const known = extents.flatMap((each) => (each.bytes === null ? [] : [each.bytes]));
  return known.length === 0 ? "–" : bytes(known.reduce((sum, each) => sum + each, 0));
}

function moment(at_ms: number): string {
  if (at_ms === 0) return "–";
  const day = date(at_ms);
  return day === date(Date.now()) ? clock(at_ms) : day;
}

function recovery(partition: Partition): string {
  const task = partition.task;
  if (task === null) return "elsewhere";
  if (task.state === "running") return "running";
  return `${Math.floor((100 * task.recovered) / Math.max(task.recovery_end, 1))} % recovered`;
}

function latency(us: number): string {
  if (us === 0) return "–";
  return us < 1000 ? `${us} µs` : `${(us / 1000).toFixed(1)} ms`;
}

const PARTITION_COLUMNS: Column<PartitionRow>[] = [
  { name: "system", title: "System", width: "150px", cell: ({ system }) => system.name },
  { name: "number", title: "No.", width: "34px", end: true, cell: ({ partition }) => partition.number },
  { name: "commands", title: "Commands", width: "minmax(92px, 1fr)", end: true, cell: ({ partition }) => extent(partition.commands) },
  { name: "lag", title: "Waiting", width: "64px", end: true, cell: ({ partition }) => whole(partition.lag) },
  { name: "events", title: "Events", width: "minmax(92px, 1fr)", end: true, cell: ({ partition }) => extent(partition.events) },
  { name: "sequence", title: "Next sequence", width: "minmax(96px, 1fr)", end: true, cell: ({ partition }) => whole(partition.sequence) },
  { name: "bytes", title: "On disk", width: "84px", end: true, cell: ({ partition }) => size(partition.commands, partition.events, partition.dead_letters) },
  { name: "at", title: "Its time", width: "92px", end: true, cell: ({ partition }) => moment(partition.at_ms) },
  { name: "task", title: "Task", width: "104px", cell: ({ partition }) => recovery(partition) },
  { name: "rules", title: "Rules", width: "44px", end: true, cell: ({ system, partition }) => partition.task?.rules_version ?? system.rules_version },
  { name: "snapshot", title: "Snapshot at", width: "88px", end: true, cell: ({ partition }) => (partition.task === null || partition.task.snapshot_sequence === 0 ? "–" : whole(partition.task.snapshot_sequence)) },
  { name: "p50", title: "p50", width: "68px", end: true, cell: ({ partition }) => latency(partition.task?.latency_p50_us ?? 0) },
  { name: "p99", title: "p99", width: "68px", end: true, cell: ({ partition }) => latency(partition.task?.latency_p99_us ?? 0) },
];

function Models({ systems }: { systems: readonly SystemTold[] }) {
  const rows = systems.flatMap((system) => system.read_models.map((model) => ({ system, model })));
  return (
    <Table
      label="Read models"
      rows={rows}
      columns={MODEL_COLUMNS}
      keyOf={({ system, model }) => `${system.name}-${model.name}`}
      height={420}
    />
  );
}

function stateOf(model: ReadModel): string {
  if (model.generation === 0) return "not there yet";
  return model.is_current ? "current" : "of other declarations: to be rebuilt";
}

const MODEL_COLUMNS: Column<ModelRow>[] = [
  { name: "system", title: "System", width: "150px", cell: ({ system }) => system.name },
  { name: "model", title: "Read model", width: "minmax(150px, 1fr)", cell: ({ model }) => model.name },
  { name: "lag", title: "Events behind", width: "100px", end: true, cell: ({ model }) => whole(model.lag) },
  { name: "version", title: "Version", width: "64px", end: true, cell: ({ model }) => model.version },
  { name: "generation", title: "Generation", width: "84px", end: true, cell: ({ model }) => model.generation },
  { name: "state", title: "State", width: "minmax(120px, 2fr)", cell: ({ model }) => stateOf(model) },
];
