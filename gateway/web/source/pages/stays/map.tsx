/** The map: listings on a plane of longitude and latitude. It is moved by hand, wheel and keys; what
 * it shows is what is searched. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { areaOf, type Bounds, boundsOf, type Eye, eyeOn, graticule, moved, pixelOf, scaleBar, type Size, zoomed } from "./projection";

export interface Spot {
  listing: string;
  title: string;
  latitude: number;
  longitude: number;
  /** What stands on it. */
  price: string;
}

interface MapGiven {
  spots: readonly Spot[];
  /** What is to be seen: where it is another than what the map told last, the map goes there. */
  bounds: Bounds | null;
  chosen: string;
  onMove: (area: string) => void;
  onChoose: (listing: string) => void;
  onPoint: (listing: string) => void;
}

const STEP_PX = 80;
const STILL_MS = 250;
const DRAG_PX = 4;
const LETTER_PX = 7.2;
const PILL_PX = 22;

interface Hand {
  x: number;
  y: number;
}

/** Those that get their price written, by their order, as long as they do not cover one another. */
function written(spots: readonly (Spot & { x: number; y: number; width: number })[]): Set<string> {
  const placed: { x: number; y: number; width: number }[] = [];
  const found = new Set<string>();
  for (const spot of spots) {
    const hides = placed.some((other) => Math.abs(other.x - spot.x) < (other.width + spot.width) / 2 + 2 && Math.abs(other.y - spot.y) < PILL_PX + 2);
    if (hides) continue;
    placed.push(spot);
    found.add(spot.listing);
  }
  return found;
}

export function SearchMap({ spots, bounds, chosen, onMove, onChoose, onPoint }: MapGiven) {
  const frame = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState<Size>({ width: 600, height: 420 });
  const [eye, setEye] = useState<Eye | null>(null);
  const told = useRef("");
  const hands = useRef(new Map<number, Hand>());
  const dragged = useRef(false);
  const now = useRef({ eye, size, onMove });
  now.current = { eye, size, onMove };

  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);

  const wanted = bounds === null ? "" : areaOf(bounds);
  useEffect(() => {
    if (bounds === null || wanted === told.current) return;
    told.current = wanted;
    setEye(eyeOn(bounds, now.current.size, 1));
  }, [wanted]);

  // Once the map stands still, what it shows is told.
  const [hasMoved, setMoved] = useState(false);
  useEffect(() => {
    if (!hasMoved || eye === null) return;
    const timer = setTimeout(() => {
      setMoved(false);
      told.current = areaOf(boundsOf(eye, size));
      now.current.onMove(told.current);
    }, STILL_MS);
    return () => clearTimeout(timer);
  }, [eye, hasMoved]);

  function go(next: (eye: Eye, size: Size) => Eye): void {
    const { eye: from, size: on } = now.current;
    if (from === null) return;
    now.current.eye = next(from, on);
    setEye(now.current.eye);
    setMoved(true);
  }

  useEffect(() => {
    const element = frame.current;
    function wheel(event: WheelEvent): void {
      event.preventDefault(); // which a listener of Preact's, being passive, could not
      const box = frame.current?.getBoundingClientRect();
      if (box === undefined) return;
      const factor = Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.03 : 0.0016));
      go((from, on) => zoomed(from, on, factor, event.clientX - box.left, event.clientY - box.top));
    }
    element?.addEventListener("wheel", wheel, { passive: false });
    return () => element?.removeEventListener("wheel", wheel);
  }, []);

  function take(event: PointerEvent): void {
    if (hands.current.size === 0) dragged.current = false;
    hands.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
  }

  function drag(event: PointerEvent): void {
    const before = hands.current.get(event.pointerId);
    if (before === undefined) return;
    const right = event.clientX - before.x;
    const down = event.clientY - before.y;
    if (!dragged.current && Math.hypot(right, down) < DRAG_PX) return;
    if (!dragged.current) frame.current?.setPointerCapture(event.pointerId);
    dragged.current = true;
    const other = [...hands.current].find(([id]) => id !== event.pointerId)?.[1];
    hands.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (other === undefined) {
      go((from) => moved(from, right, down));
      return;
    }
    const box = frame.current?.getBoundingClientRect();
    const apart = Math.hypot(before.x - other.x, before.y - other.y);
    if (box === undefined || apart === 0) return;
    const factor = Math.hypot(event.clientX - other.x, event.clientY - other.y) / apart;
    go((from, on) => zoomed(moved(from, right / 2, down / 2), on, factor, other.x - box.left, other.y - box.top));
  }

  function leave(event: PointerEvent): void {
    hands.current.delete(event.pointerId);
  }

  function press(event: KeyboardEvent): void {
    const step = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    const factor = { "+": 1.5, "=": 1.5, "-": 1 / 1.5 }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || (step === undefined && factor === undefined)) return;
    event.preventDefault();
    if (step !== undefined) go((from) => moved(from, (step[0] ?? 0) * STEP_PX, (step[1] ?? 0) * STEP_PX));
    else go((from, on) => zoomed(from, on, factor ?? 1));
  }

  const placed = eye === null ? [] : spots.map((spot) => {
    const [x, y] = pixelOf(eye, size, spot.latitude, spot.longitude);
    return { ...spot, x, y, width: spot.price.length * LETTER_PX + 14 };
  }).filter(({ x, y }) => x > -60 && y > -30 && x < size.width + 60 && y < size.height + 30);
  const shown = written([...placed.filter((spot) => spot.listing === chosen), ...placed]);
  // What is pointed at is drawn last: on top.
  const ordered = [...placed].sort((one, other) => Number(shown.has(one.listing)) - Number(shown.has(other.listing)) || Number(one.listing === chosen) - Number(other.listing === chosen));

  return (
    <div class="stays-map">
      <div
        ref={frame}
        class="stays-plane"
        role="application"
        aria-label={`Map with ${placed.length} listings. Arrow keys move it, plus and minus zoom.`}
        tabIndex={0}
        onKeyDown={press}
        onPointerDown={take}
        onPointerMove={drag}
        onPointerUp={leave}
        onPointerCancel={leave}
        onPointerLeave={leave}
      >
        {eye !== null && (
          <svg width={size.width} height={size.height}>
            <Graticule eye={eye} size={size} />
            {ordered.map((spot) => (
              <g
                key={spot.listing}
                class="stays-spot"
                data-listing={spot.listing}
                data-chosen={spot.listing === chosen}
                transform={`translate(${spot.x.toFixed(1)} ${spot.y.toFixed(1)})`}
                onPointerEnter={() => onPoint(spot.listing)}
                onPointerLeave={() => onPoint("")}
                onClick={() => !dragged.current && onChoose(spot.listing)}
              >
                <title>{`${spot.title}, ${spot.price}`}</title>
                {shown.has(spot.listing) ? (
                  <>
                    <rect x={-spot.width / 2} y={-PILL_PX / 2} width={spot.width} height={PILL_PX} rx={PILL_PX / 2} />
                    <text text-anchor="middle" y="4.2">
                      {spot.price}
                    </text>
                  </>
                ) : (
                  <circle r="4.5" />
                )}
              </g>
            ))}
          </svg>
        )}
      </div>
      <div class="stays-zoom">
        <button type="button" aria-label="Nearer" onClick={() => go((from, on) => zoomed(from, on, 1.6))}>
          +
        </button>
        <button type="button" aria-label="Farther" onClick={() => go((from, on) => zoomed(from, on, 1 / 1.6))}>
          −
        </button>
      </div>
      {eye !== null && <Scale eye={eye} />}
    </div>
  );
}

function Graticule({ eye, size }: { eye: Eye; size: Size }) {
  const { meridians, parallels } = graticule(eye, size);
  return (
    <g class="stays-graticule" aria-hidden="true">
      {meridians.map((line) => (
        <g key={line.label}>
          <line x1={line.pixel} x2={line.pixel} y1={0} y2={size.height} />
          <text x={line.pixel + 4} y={13}>
            {line.label}
          </text>
        </g>
      ))}
      {parallels.map((line) => (
        <g key={line.label}>
          <line x1={0} x2={size.width} y1={line.pixel} y2={line.pixel} />
          <text x={6} y={line.pixel - 4}>
            {line.label}
          </text>
        </g>
      ))}
    </g>
  );
}

function Scale({ eye }: { eye: Eye }) {
  const bar = scaleBar(eye);
  return (
    <span class="stays-scale small" style={{ width: `${bar.pixels.toFixed(0)}px` }}>
      {bar.label}
    </span>
  );
}
