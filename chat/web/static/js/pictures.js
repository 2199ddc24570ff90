// Pictures as files, as Base64 and as blob URLs.

import { t } from "./i18n.js";

const pictureMaxBytes = Number(document.body.dataset.imageMax); // as the server is set
const MEASURE_MS = 3000;

// By the first characters of the Base64, which are the first bytes.
const TYPES = [
  ["iVBOR", "image/png"],
  ["/9j/", "image/jpeg"],
  ["R0lGOD", "image/gif"],
  ["UklGR", "image/webp"],
];

/** The media type of Base64 that is a picture we show; null for anything else. */
export function sniff(base64) {
  const found = TYPES.find(([start]) => base64.startsWith(start));
  return found ? found[1] : null;
}

/** A blob URL for Base64 content; null if it is no picture. To be revoked by whoever drops it. */
export function toUrl(base64) {
  const type = sniff(base64);
  if (!type) return null;
  try {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    return URL.createObjectURL(new Blob([bytes], { type }));
  } catch {
    return null;
  }
}

/** {width, height} of a picture, so that the page can keep its place; null where it cannot be shown. */
export function measure(url) {
  return new Promise((resolve) => {
    const image = new Image();
    const timer = setTimeout(() => resolve(null), MEASURE_MS);
    const finish = (size) => {
      clearTimeout(timer);
      resolve(size);
    };
    image.onload = () => finish({ width: image.naturalWidth, height: image.naturalHeight });
    image.onerror = () => finish(null);
    image.src = url;
  });
}

/** The Base64 of a file that may be sent. Raises an Error that says what is wrong with it. */
export async function readPicture(file) {
  const name = file.name || t("picture.pick");
  if (file.size > pictureMaxBytes) {
    throw new Error(t("picture.size", { name, size: inMb(file.size), most: inMb(pictureMaxBytes) }));
  }
  let base64;
  try {
    base64 = await toBase64(file);
  } catch {
    throw new Error(t("picture.unreadable", { name }));
  }
  if (!sniff(base64)) throw new Error(t("picture.type", { name }));
  return base64;
}

function inMb(bytes) {
  return Number((bytes / 1024 / 1024).toFixed(1));
}

function toBase64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
