// Pictures as files, as Base64 and by addresses.

import { t } from "./i18n.js";

const pictureMaxBytes = Number(document.body.dataset.imageMax); // as the server is set
const MEASURE_MS = 3000;
const SCALED_PX = 2560;
const SCALED_QUALITY = 0.85;
const STILL = ["image/jpeg", "image/png", "image/webp"]; // a GIF may move
const MOVES = /acTL|ANIM/; // the chunks of moving PNG and WebP, before their pictures
const HEAD_BYTES = 4096;

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
 * A picture for sending, as {blob, url, size}; null: the file is not one. A photo that is too large, or of a kind that only
 * this browser shows, is made a smaller JPEG; one that moves is not, as it would stand still. tell(words) says what takes long. Throws an Error with the reason.
 */
export async function readPicture(file, tell) {
  const { name } = file;
  const type = sniff(await firstBytes(file));
  let blob = file;
  const isTooLarge = file.size > pictureMaxBytes && STILL.includes(type) && !MOVES.test(await headOf(file));
  if (type ? isTooLarge : /^image\/(?!svg)/.test(file.type)) {
    tell(t("picture.scaling", { name }));
    try {
      blob = await scaledDown(file);
    } catch {
      if (!type) return null;
      throw new Error(t("picture.unreadable", { name }));
    }
  } else if (!type) return null;
  if (blob.size > pictureMaxBytes) {
    throw new Error(t("picture.size", { name, size: inMb(blob.size), most: inMb(pictureMaxBytes) }));
  }
  const url = URL.createObjectURL(new Blob([blob], { type: blob === file ? type : blob.type }));
  return { blob, url, size: await measure(url) };
}

const headOf = async (file) => new TextDecoder("latin1").decode(await file.slice(0, HEAD_BYTES).arrayBuffer());

/** The beginning of a file as Base64. Throws where it cannot be read, as a folder. */
async function firstBytes(file) {
  return btoa(String.fromCharCode(...new Uint8Array(await file.slice(0, 12).arrayBuffer())));
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
