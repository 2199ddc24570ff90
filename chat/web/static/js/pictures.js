// Pictures as files, as Base64 and as blob URLs.

import { t } from "./i18n.js";

const pictureMaxBytes = Number(document.body.dataset.imageMax); // as the server is set
const MEASURE_MS = 3000;
const SCALED_PX = 2560;
const SCALED_QUALITY = 0.85;
const STILL = ["image/jpeg", "image/png", "image/webp"]; // a GIF may move

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

/** A blob URL for Base64 content, which the caller must revoke; null if it is not a picture. */
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

/**
 * A file that may be sent, as {base64, blob}; a photo that is too large is scaled down. tell(words) says what takes long.
 * Throws an Error with the reason.
 */
export async function readPicture(file, tell) {
  const name = file.name || t("picture.pick");
  let base64;
  let blob = file;
  try {
    if (file.size > pictureMaxBytes && STILL.includes(file.type)) {
      tell(t("picture.scaling", { name }));
      blob = await scaledDown(file);
    }
    if (blob.size <= pictureMaxBytes) base64 = await toBase64(blob);
  } catch {
    throw new Error(t("picture.unreadable", { name }));
  }
  if (base64 === undefined) throw new Error(t("picture.size", { name, size: inMb(blob.size), most: inMb(pictureMaxBytes) }));
  const type = sniff(base64);
  if (!type) throw new Error(t("picture.type", { name }));
  return { base64, blob: new Blob([blob], { type }) };
}

/** Scale to a JPEG that stays legible; transparent parts become white. */
async function scaledDown(file) {
  const image = await createImageBitmap(file);
  const scale = Math.min(1, SCALED_PX / Math.max(image.width, image.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  const made = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", SCALED_QUALITY));
  if (!made) throw new Error("too large for this browser");
  return made;
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
