// Package atonce does things at the same time that need nothing of each other. It must not know what they are.
package atonce

import "sync"

// Do runs every step in a goroutine of its own, waits for all of them, and returns the first error in the order of the
// steps, so that a failure reads the same however the answers came in.
func Do(steps ...func() error) error {
	errs := make([]error, len(steps))
	var wg sync.WaitGroup
	for i, step := range steps {
		wg.Go(func() { errs[i] = step() })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
