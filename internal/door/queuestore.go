package door

import (
	"time"

	"go.etcd.io/bbolt"
)

// queuedEvent is an event whose sender has its answer and that is still to be applied.
type queuedEvent struct {
	Event      Event     `json:"event"`
	Since      time.Time `json:"since"`
	ReleasedBy string    `json:"releasedBy,omitempty"` // who let go of it, if the mass brake held it
}

// enqueue keeps events to be applied, all or none, and tells how many are new. Events that were applied already are left
// out, and one that is in the queue stays there once.
func (s *Store) enqueue(events []Event, now time.Time) (fresh int, err error) {
	err = s.write(func(tx *bbolt.Tx) error {
		fresh = 0
		queue, seen := tx.Bucket(queueBucket), tx.Bucket(eventsBucket)
		for _, e := range events {
			key := timed(e.At, e.key())
			if seen.Get([]byte(e.key())) != nil || queue.Get(key) != nil {
				continue
			}
			if err := put(queue, key, queuedEvent{Event: e, Since: now}); err != nil {
				return err
			}
			fresh++
		}
		return nil
	})
	return fresh, err
}

// queued is everything to be applied, in the order it happened.
func (s *Store) queued() (list []queuedEvent, err error) {
	err = s.read(func(tx *bbolt.Tx) error {
		queue := tx.Bucket(queueBucket)
		return queue.ForEach(func(key, _ []byte) error {
			q, _, err := get[queuedEvent](queue, key)
			list = append(list, q)
			return err
		})
	})
	return list, err
}

// dequeue takes an event out of the queue.
func (s *Store) dequeue(e Event) error {
	return s.write(func(tx *bbolt.Tx) error { return tx.Bucket(queueBucket).Delete(timed(e.At, e.key())) })
}
