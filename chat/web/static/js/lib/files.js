// Files for sending: pictures as such, all else as it is.

import { fileSize } from "./format.js";
import { t } from "./i18n.js";
import { readPicture } from "./pictures.js";

const MOST_FILES = 10; // at once
const fileMaxBytes = Number(document.body.dataset.fileMax); // as the server is set

/**
 * Prepare chosen files one after the other: each(prepared) gets {type, blob, name} and of a picture {url, size}. tell(words)
 * says what takes long. Gives the reasons why files are not sent.
 */
export async function prepare(files, each, tell) {
  const problems = [];
  if (files.length > MOST_FILES) {
    const names = files.slice(MOST_FILES).map((file) => file.name).join(", ");
    problems.push(t("files.many", { most: MOST_FILES, names }));
  }
  for (const file of files.slice(0, MOST_FILES)) {
    try {
      each(await prepared(file, tell));
    } catch (error) {
      problems.push(error.message);
    }
  }
  tell("");
  return problems;
}

async function prepared(file, tell) {
  const name = file.name || t("message.file");
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw new Error(t("picture.unreadable", { name })); // a folder, or gone meanwhile
  }
  if (file.size === 0) throw new Error(t("files.empty", { name }));
  const picture = await readPicture(file, tell);
  if (picture) return { type: "img", name, ...picture };
  if (file.size <= fileMaxBytes) return { type: "file", name, blob: file };
  throw new Error(t("files.size", { name, size: fileSize(file.size), most: fileSize(fileMaxBytes) }));
}
