package door_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"offboard/internal/door"
)

// How many events a second go through the rules and to the disk, 64 senders at once.
func BenchmarkApply(b *testing.B) {
	d := newDoor(b, newEngine(), func(c *door.Config) { c.Brake = door.Brake{Starts: 1 << 30, Window: time.Hour} })
	var n atomic.Int64
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			if _, err := d.Apply(b.Context(), event(fmt.Sprint(i), door.Requested, user(fmt.Sprintf("leaver-%d@acme.example", i)))); err != nil {
				b.Fatal(err)
			}
		}
	})
}
