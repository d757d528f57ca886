/** The map's plane: latitude and longitude, in degrees, on pixels. Equirectangular, true to scale
 * in the middle, which is enough for what one looks at when one looks for a bed. */
export interface Eye {
  latitude: number;
  longitude: number;
  /** Degrees of latitude in a pixel. */
  scale: number;
}

export interface Size {
  width: number;
  height: number;
}

export interface Bounds {
  south: number;
  west: number;
  north: number;
  east: number;
}

const LATITUDE_MOST = 85;
export const SCALE_LEAST = 1e-6;
export const SCALE_MOST = 0.4;
const METRES_IN_DEGREE = 111_195;

const clamp = (value: number, least: number, most: number) => Math.min(Math.max(value, least), most);
const turned = (longitude: number) => ((((longitude + 180) % 360) + 360) % 360) - 180;
const squeeze = (eye: Eye) => Math.cos((eye.latitude * Math.PI) / 180);

export function kept(eye: Eye): Eye {
  return {
    latitude: clamp(eye.latitude, -LATITUDE_MOST, LATITUDE_MOST),
    longitude: turned(eye.longitude),
    scale: clamp(eye.scale, SCALE_LEAST, SCALE_MOST),
  };
}

export function pixelOf(eye: Eye, size: Size, latitude: number, longitude: number): [number, number] {
  const across = turned(longitude - eye.longitude) * squeeze(eye);
  return [size.width / 2 + across / eye.scale, size.height / 2 - (latitude - eye.latitude) / eye.scale];
}

/** Moved by so many pixels: the plane goes along with the hand. */
export function moved(eye: Eye, right: number, down: number): Eye {
  return kept({
    ...eye,
    latitude: eye.latitude + down * eye.scale,
    longitude: eye.longitude - (right * eye.scale) / squeeze(eye),
  });
}

/** Nearer by a factor, where the point at `x`, `y` stays where it is. */
export function zoomed(eye: Eye, size: Size, factor: number, x = size.width / 2, y = size.height / 2): Eye {
  const scale = clamp(eye.scale / factor, SCALE_LEAST, SCALE_MOST);
  const held = moved(eye, size.width / 2 - x, size.height / 2 - y);
  return moved({ ...held, scale }, x - size.width / 2, y - size.height / 2);
}

export function boundsOf(eye: Eye, size: Size): Bounds {
  const up = (size.height / 2) * eye.scale;
  const aside = ((size.width / 2) * eye.scale) / squeeze(eye);
  const all = aside >= 180;
  return {
    south: clamp(eye.latitude - up, -90, 90),
    west: all ? -180 : turned(eye.longitude - aside),
    north: clamp(eye.latitude + up, -90, 90),
    east: all ? 180 : turned(eye.longitude + aside),
  };
}

/** From where all of the bounds is seen, with a little around it. */
export function eyeOn(bounds: Bounds, size: Size, margin = 1.15): Eye {
  const height = Math.max(bounds.north - bounds.south, 0.01);
  const width = Math.max(bounds.east - bounds.west + (bounds.east < bounds.west ? 360 : 0), 0.01);
  const latitude = (bounds.south + bounds.north) / 2;
  const longitude = turned(bounds.west + width / 2);
  const flat = Math.cos((clamp(latitude, -LATITUDE_MOST, LATITUDE_MOST) * Math.PI) / 180);
  const scale = margin * Math.max(height / Math.max(size.height, 1), (width * flat) / Math.max(size.width, 1));
  return kept({ latitude, longitude, scale });
}

/** As `area` of a search: to a ten-thousandth of a degree, some ten metres. */
export function areaOf(bounds: Bounds): string {
  return [bounds.south, bounds.west, bounds.north, bounds.east].map((each) => each.toFixed(4)).join(",");
}

export function boundsIn(area: string): Bounds | null {
  const parts = area.split(",").map(Number);
  const [south, west, north, east] = parts;
  if (parts.length !== 4 || south === undefined || west === undefined || north === undefined || east === undefined) return null;
  const fits = parts.every(Number.isFinite) && south <= north && Math.abs(south) <= 90 && Math.abs(north) <= 90 && Math.abs(west) <= 180 && Math.abs(east) <= 180;
  return fits ? { south, west, north, east } : null;
}

export interface Line {
  at: number;
  /** Pixels from the left, or from the top. */
  pixel: number;
  label: string;
}

/** Lines of round degrees, some 110 pixels apart. */
export function graticule(eye: Eye, size: Size): { meridians: Line[]; parallels: Line[] } {
  const wanted = 110 * eye.scale;
  const parallelStep = roundStep(wanted);
  const meridianStep = roundStep(wanted / squeeze(eye));
  const up = (size.height / 2) * eye.scale;
  const aside = Math.min(((size.width / 2) * eye.scale) / squeeze(eye), 180);
  const parallels = lines(eye.latitude - up, eye.latitude + up, parallelStep)
    .filter((at) => Math.abs(at) <= 90)
    .map((at) => ({ at, pixel: pixelOf(eye, size, at, eye.longitude)[1], label: degrees(at, parallelStep, "N", "S") }));
  const meridians = lines(eye.longitude - aside, eye.longitude + aside, meridianStep).map((at) => ({
    at,
    pixel: size.width / 2 + ((at - eye.longitude) * squeeze(eye)) / eye.scale,
    label: degrees(turned(at), meridianStep, "E", "W"),
  }));
  return { meridians, parallels };
}

function roundStep(wanted: number): number {
  const zeros = 10 ** Math.floor(Math.log10(wanted));
  return ([1, 2, 5, 10].find((digit) => digit * zeros >= wanted) ?? 10) * zeros;
}

function lines(from: number, to: number, step: number): number[] {
  const found: number[] = [];
  for (let number = Math.ceil(from / step); number * step <= to; number += 1) found.push(number * step);
  return found;
}

function degrees(at: number, step: number, more: string, less: string): string {
  const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  return `${Math.abs(at).toFixed(digits)}° ${at < 0 ? less : more}`;
}

/** A round length for the scale in the corner, and how many pixels it takes. */
export function scaleBar(eye: Eye): { pixels: number; label: string } {
  const metresInPixel = eye.scale * METRES_IN_DEGREE;
  const metres = roundStep(60 * metresInPixel);
  return { pixels: metres / metresInPixel, label: metres >= 1000 ? `${metres / 1000} km` : `${metres} m` };
}
