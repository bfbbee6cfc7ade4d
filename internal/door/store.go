package door

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// The buckets of the file. Values are JSON; a field that is added later is absent in older ones.
var (
	eventsBucket  = []byte("events")  // source, ID -> seenEvent
	timesBucket   = []byte("times")   // time, source, ID -> nothing: the order to forget events in
	peopleBucket  = []byte("people")  // person -> person
	heldBucket    = []byte("held")    // person -> heldEvent: at most one, the newest
	startsBucket  = []byte("starts")  // time, person -> nothing: the starts the brake counts
	countedBucket = []byte("counted") // person -> time: where they are in startsBucket
	queueBucket   = []byte("queue")   // time of the event, source, ID -> queuedEvent: accepted, to be applied
	usersBucket   = []byte("users")   // for SCIM: ID -> user
)

// Store is what the door must not forget: one file, written through to the disk before anything is answered. All
// methods are safe for concurrent use. One process at a time can have the file open.
type Store struct{ db *bbolt.DB }

// OpenStore opens the file at path, or makes it, readable for its owner only.
func OpenStore(path string) (*Store, error) {
	// Another process keeps the file only while it drains.
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: 30 * time.Second})
	if err != nil {
		return nil, fmt.Errorf("open the door's store %s (does another process have it open?): %w", path, err)
	}
	// A write that comes alone waits this long for company: many deliveries at once then share one write to the disk.
	db.MaxBatchDelay = 2 * time.Millisecond
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{eventsBucket, timesBucket, peopleBucket, heldBucket, startsBucket, countedBucket, queueBucket, usersBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		_ = db.Close() // the failure that matters is the first
		return nil, fmt.Errorf("prepare the door's store %s: %w", path, err)
	}
	return &Store{db: db}, nil
}

// Close waits for what is being read and written and closes the file.
func (s *Store) Close() error { return s.db.Close() }

// read runs a function on one consistent state.
func (s *Store) read(do func(*bbolt.Tx) error) error { return away(s.db.View(do)) }

// write runs a function whose changes are on the disk, all or none, when write returns. The function may run more than
// once and must not keep results of a run that failed.
func (s *Store) write(do func(*bbolt.Tx) error) error { return away(s.db.Batch(do)) }

// readUsers and writeUsers are the same for the users that SCIM keeps.
func (s *Store) readUsers(do func(*bbolt.Bucket) error) error {
	return s.read(func(tx *bbolt.Tx) error { return do(tx.Bucket(usersBucket)) })
}

func (s *Store) writeUsers(do func(*bbolt.Bucket) error) error {
	return s.write(func(tx *bbolt.Tx) error { return do(tx.Bucket(usersBucket)) })
}

// away says that an event cannot be taken where it cannot be kept.
func away(err error) error {
	if err == nil {
		return nil
	}
	return &Away{After: 30 * time.Second, Why: "the door cannot use its own store", Cause: err}
}

// get reads a JSON value; absent is its zero value and false.
func get[T any](b *bbolt.Bucket, key []byte) (value T, found bool, err error) {
	data := b.Get(key)
	if data == nil {
		return value, false, nil
	}
	if err := json.Unmarshal(data, &value); err != nil {
		return value, false, fmt.Errorf("read %q in the door's store: %w", key, err)
	}
	return value, true, nil
}

func put(b *bbolt.Bucket, key []byte, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write %q to the door's store: %w", key, err)
	}
	return b.Put(key, data)
}

// timed is a key that sorts by time. Times before 1970 have no such key; Event.complete refuses them.
func timed(at time.Time, rest string) []byte {
	key := binary.BigEndian.AppendUint64(nil, uint64(at.UnixNano()))
	return append(key, rest...)
}

// timeOf is the time in such a key.
func timeOf(key []byte) time.Time {
	return time.Unix(0, int64(binary.BigEndian.Uint64(key))).UTC()
}
