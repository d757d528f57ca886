/** Where the video is, what of it is loaded, and a small picture of where the pointer is. */
import { useRef, useState } from "preact/hooks";
import { length } from "./names";
import { type Sprite, tileAt } from "./sprite";

interface SeekBarGiven {
  time_s: number;
  duration_s: number;
  loaded_s: number;
  sprite: Sprite | null;
  onSeek: (time_s: number) => void;
}

const STEP_S = 0.1;

export function SeekBar({ time_s, duration_s, loaded_s, sprite, onSeek }: SeekBarGiven) {
  const bar = useRef<HTMLDivElement>(null);
  const [pointer, setPointer] = useState<{ x: number; width: number } | null>(null);

  function point(event: PointerEvent): void {
    const box = bar.current?.getBoundingClientRect();
    if (box === undefined) return;
    setPointer({ x: Math.min(Math.max(event.clientX - box.left, 0), box.width), width: box.width });
  }
  const part = (seconds: number): string => `${duration_s > 0 ? (100 * seconds) / duration_s : 0}%`;
  const pointed_s = pointer === null ? 0 : (duration_s * pointer.x) / Math.max(pointer.width, 1);
  return (
    <div ref={bar} class="player-seek" onPointerMove={point} onPointerLeave={() => setPointer(null)}>
      <div class="player-seek-loaded" style={{ width: part(loaded_s) }} />
      <div class="player-seek-done" style={{ width: part(time_s) }} />
      <input
        type="range"
        aria-label="Time"
        aria-valuetext={`${length(time_s)} of ${length(duration_s)}`}
        min={0}
        max={duration_s}
        step={STEP_S}
        value={time_s}
        onInput={(event) => onSeek(Number(event.currentTarget.value))}
        onKeyDown={(event) => event.key.startsWith("Arrow") && event.preventDefault()}
      />
      {pointer !== null && duration_s > 0 && (
        <Preview sprite={sprite} time_s={pointed_s} x={pointer.x} width={pointer.width} />
      )}
    </div>
  );
}

function Preview({ sprite, time_s, x, width }: { sprite: Sprite | null; time_s: number; x: number; width: number }) {
  const tile = sprite === null ? undefined : tileAt(sprite, time_s);
  const half = (tile?.width ?? 48) / 2;
  const left = Math.min(Math.max(x, half), Math.max(width - half, half));
  return (
    <div class="player-preview" style={{ left: `${left}px` }} aria-hidden="true">
      {tile !== undefined && sprite !== null && (
        <div
          style={{
            width: `${tile.width}px`,
            height: `${tile.height}px`,
            background: `url("${sprite.picture}") -${tile.x}px -${tile.y}px no-repeat`,
          }}
        />
      )}
      <span>{length(time_s)}</span>
    </div>
  );
}
