// The page's rules for new passwords.

import { isCommonPassword } from "./commonpasswords.js";
import { t } from "./i18n.js";

const MIN_CHARS = 8; // more than the server asks for, whose other clients have shorter ones

export const passwordMin = () => Math.max(MIN_CHARS, Number(document.body.dataset.passwordMin));

/** The objection to a new password, in words; "" for a good one. */
export function passwordObjection(password) {
  if ([...password].length < passwordMin()) return t("register.short", { min: passwordMin() });
  return isCommonPassword(password) ? t("register.common") : "";
}
