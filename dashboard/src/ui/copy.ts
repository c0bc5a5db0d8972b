/** Copies text; also where the page has no clipboard, as over plain HTTP. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const area = document.createElement('textarea')
    area.value = text
    area.style.position = 'fixed'
    area.style.opacity = '0'
    document.body.append(area)
    area.select()
    // The only way that is left on a page without a clipboard.
    const copied = document.execCommand('copy')
    area.remove()
    return copied
  }
}
