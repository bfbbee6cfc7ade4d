package door

import (
	"time"

	"go.etcd.io/bbolt"
)

// How long things are remembered. Senders try again for three days at most; a month covers one that was stopped and
// repaired. Of a person only the last event is kept, for a year: what an old event would undo has ended by then.
const (
	eventMemory  = 30 * 24 * time.Hour
	personMemory = 365 * 24 * time.Hour
)

// seenEvent is an event that was applied.
type seenEvent struct {
	Outcome Outcome   `json:"outcome"`
	Seen    time.Time `json:"seen"`
}

// known is what the store knows when an event comes.
type known struct {
	seen   *Outcome // of an earlier delivery
	person person
	held   *Event
}

func (s *Store) known(e Event) (k known, err error) {
	err = s.read(func(tx *bbolt.Tx) error {
		seen, found, err := get[seenEvent](tx.Bucket(eventsBucket), []byte(e.key()))
		if err != nil {
			return err
		}
		if found {
			k.seen = &seen.Outcome
		}
		held, found, err := get[heldEvent](tx.Bucket(heldBucket), []byte(e.person()))
		if err != nil {
			return err
		}
		if found {
			k.held = &held.Event
		}
		k.person, _, err = get[person](tx.Bucket(peopleBucket), []byte(e.person()))
		return err
	})
	return k, err
}

// finish keeps what became of an event.
func (s *Store) finish(e Event, o Outcome, m met, now time.Time) error {
	return s.write(func(tx *bbolt.Tx) error {
		if err := remember(tx, e, o, now); err != nil {
			return err
		}
		if err := tx.Bucket(queueBucket).Delete(timed(e.At, e.key())); err != nil {
			return err
		}
		if m.apart || o.Result == Ignored || o.Result == Declined {
			return nil
		}
		people := tx.Bucket(peopleBucket)
		before, _, err := get[person](people, []byte(e.person()))
		if err != nil {
			return err
		}
		if err := put(people, []byte(e.person()), before.after(e, o, m)); err != nil {
			return err
		}
		if o.Result == Held {
			return put(tx.Bucket(heldBucket), []byte(e.person()), heldEvent{Event: e, Since: now})
		}
		// What was held for the person is older: a later one is never ignored for an earlier one.
		return tx.Bucket(heldBucket).Delete([]byte(e.person()))
	})
}

// remember keeps an outcome for the deliveries of the same event that follow.
func remember(tx *bbolt.Tx, e Event, o Outcome, now time.Time) error {
	events, times := tx.Bucket(eventsBucket), tx.Bucket(timesBucket)
	old, found, err := get[seenEvent](events, []byte(e.key()))
	if err != nil {
		return err
	}
	if found {
		if err := times.Delete(timed(old.Seen, e.key())); err != nil {
			return err
		}
	}
	if err := times.Put(timed(now, e.key()), nil); err != nil {
		return err
	}
	return put(events, []byte(e.key()), seenEvent{Outcome: o, Seen: now})
}

// prune forgets what is old. It tells how many events it forgot.
func (s *Store) prune(now time.Time) (n int, err error) {
	err = s.write(func(tx *bbolt.Tx) error {
		n = 0
		events, times := tx.Bucket(eventsBucket), tx.Bucket(timesBucket)
		for c, key := cursor(times); key != nil && timeOf(key).Before(now.Add(-eventMemory)); key, _ = c.First() {
			if err := events.Delete(key[timeLength:]); err != nil {
				return err
			}
			if err := times.Delete(key); err != nil {
				return err
			}
			n++
		}
		return forgetPeople(tx.Bucket(peopleBucket), now.Add(-personMemory))
	})
	return n, err
}

func forgetPeople(people *bbolt.Bucket, before time.Time) error {
	var old [][]byte
	err := people.ForEach(func(name, _ []byte) error {
		p, _, err := get[person](people, name)
		if err == nil && p.At.Before(before) {
			old = append(old, name)
		}
		return err
	})
	for _, name := range old {
		if err == nil {
			err = people.Delete(name)
		}
	}
	return err
}

// timeLength is the length of the time in a key that sorts by time.
const timeLength = 8

func cursor(b *bbolt.Bucket) (*bbolt.Cursor, []byte) {
	c := b.Cursor()
	key, _ := c.First()
	return c, key
}
