package door

import (
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// heldEvent is an event that the mass brake holds.
type heldEvent struct {
	Event Event     `json:"event"`
	Since time.Time `json:"since"`
}

// reserve counts a start before it is made, so that a crash in between cannot hide one. It says no while the brake is on:
// something is held, or starts are counted up to the limit already. again: the person was counted before, by a delivery
// that did not come to an end.
func (s *Store) reserve(e Event, brake Brake, now time.Time) (free, again bool, err error) {
	who := e.person()
	err = s.write(func(tx *bbolt.Tx) error {
		free, again = false, false
		if _, first := cursor(tx.Bucket(heldBucket)); first != nil {
			return nil
		}
		starts, counted := tx.Bucket(startsBucket), tx.Bucket(countedBucket)
		if err := uncount(tx, now.Add(-brake.Window)); err != nil {
			return err
		}
		if counted.Get([]byte(who)) != nil {
			free, again = true, true
			return tries(tx, who, &tried{By: e.Source, Soft: e.Soft})
		}
		if counted.Sequence() >= uint64(brake.Starts) {
			return nil
		}
		free = true
		if err := starts.Put(timed(now, who), nil); err != nil {
			return err
		}
		if err := counted.Put([]byte(who), timed(now, "")); err != nil {
			return err
		}
		// The number of keys, which a bucket knows only by reading all.
		if err := counted.SetSequence(counted.Sequence() + 1); err != nil {
			return err
		}
		return tries(tx, who, &tried{By: e.Source, Soft: e.Soft})
	})
	return free, again, err
}

// unreserve takes a start back that turned out to be none.
func (s *Store) unreserve(who string) error {
	return s.write(func(tx *bbolt.Tx) error {
		if err := tries(tx, who, nil); err != nil {
			return err
		}
		at := tx.Bucket(countedBucket).Get([]byte(who))
		if at == nil {
			return nil
		}
		return forgetStart(tx, append(slices.Clone(at), who...))
	})
}

// uncount forgets the starts before a time.
func uncount(tx *bbolt.Tx, before time.Time) error {
	for c, key := cursor(tx.Bucket(startsBucket)); key != nil && timeOf(key).Before(before); key, _ = c.First() {
		if err := forgetStart(tx, key); err != nil {
			return err
		}
	}
	return nil
}

func forgetStart(tx *bbolt.Tx, key []byte) error {
	counted := tx.Bucket(countedBucket)
	if err := counted.Delete(slices.Clone(key[timeLength:])); err != nil {
		return err
	}
	if err := counted.SetSequence(counted.Sequence() - 1); err != nil {
		return err
	}
	return tx.Bucket(startsBucket).Delete(key)
}

// brake tells what is held, the oldest first, and how many starts are counted.
func (s *Store) brake(brake Brake, now time.Time) (held []heldEvent, starts int, err error) {
	err = s.read(func(tx *bbolt.Tx) error {
		c := tx.Bucket(startsBucket).Cursor()
		for key, _ := c.Seek(timed(now.Add(-brake.Window), "")); key != nil; key, _ = c.Next() {
			starts++
		}
		var err error
		held, err = allHeld(tx)
		return err
	})
	return held, starts, err
}

func allHeld(tx *bbolt.Tx) ([]heldEvent, error) {
	var list []heldEvent
	bucket := tx.Bucket(heldBucket)
	err := bucket.ForEach(func(key, _ []byte) error {
		h, _, err := get[heldEvent](bucket, key)
		list = append(list, h)
		return err
	})
	slices.SortFunc(list, func(a, b heldEvent) int { return a.Since.Compare(b.Since) })
	return list, err
}

// release lets go of everything that is held: into the queue if it shall be applied. The count of starts begins anew. It
// returns what was let go; the same call again finds nothing.
func (s *Store) release(by string, apply bool, now time.Time) (list []heldEvent, err error) {
	err = s.write(func(tx *bbolt.Tx) error {
		var err error
		if list, err = allHeld(tx); err != nil {
			return err
		}
		for _, h := range list {
			if err := tx.Bucket(heldBucket).Delete([]byte(h.Event.person())); err != nil {
				return err
			}
			if !apply {
				if err := forgetAsking(tx, h.Event.person()); err != nil {
					return err
				}
				o := Outcome{Result: Ignored, Message: "Ignored: " + by + " discarded what the mass brake held."}
				if err := remember(tx, h.Event, o, now); err != nil {
					return err
				}
				continue
			}
			q := queuedEvent{Event: h.Event, Since: now, ReleasedBy: by}
			if err := put(tx.Bucket(queueBucket), timed(h.Event.At, h.Event.key()), q); err != nil {
				return err
			}
		}
		return uncount(tx, now.Add(time.Second))
	})
	return list, err
}
