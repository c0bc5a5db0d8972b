import { Preference } from '../preference'

/** Whether keys without Ctrl or Cmd do something. Who dictates or types with one hand may want them off (WCAG 2.1.4). */
export const singleKeys = new Preference('keys', ['on', 'off'])
