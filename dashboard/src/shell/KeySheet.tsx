import { Dialog } from '../ui/Dialog'
import { KEYS, type KeyName, type KeyPlace, shown } from './keys'
import { usePlaces } from './nav'

const PLACES: Record<KeyPlace, string> = {
  everywhere: 'Everywhere',
  lists: 'In lists',
  mission: 'In a mission',
  review: 'In changes',
  approvals: 'Where something waits for you',
}

export function KeySheet(props: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={props.onClose} className="key-sheet">
      <div className="dialog-body">
        <KeyTable />
      </div>
    </Dialog>
  )
}

/** All keys, by where they work. */
export function KeyTable() {
  const places = usePlaces()
  const names = (Object.keys(KEYS) as KeyName[]).filter(
    name => !KEYS[name].keys.startsWith('g ') || places.some(place => place.key === name),
  )
  return (
    <div className="key-columns">
      {(Object.keys(PLACES) as KeyPlace[]).map(place => (
        <section key={place}>
          <h3>{PLACES[place]}</h3>
          <dl>
            {names
              .filter(name => KEYS[name].where === place)
              .map(name => (
                <div key={name} className="row">
                  <dt className="grow">{KEYS[name].does}</dt>
                  <dd>
                    {shown(name)
                      .split(' ')
                      .map(key => (
                        <kbd key={key} className="key">
                          {key}
                        </kbd>
                      ))}
                  </dd>
                </div>
              ))}
          </dl>
        </section>
      ))}
    </div>
  )
}
