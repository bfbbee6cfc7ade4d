package kubernetes

import (
	"context"
	"time"

	"offboard/internal/offboard"
)

// Since tells when the oldest pod of the dependents was started: whatever they read at their start, they read then or
// later. Zero if none of them has a pod. A pod that no node has taken yet has read nothing and does not count. NotFound if a
// workload is gone.
func (c *Clusters) Since(ctx context.Context, clusterID string, dependents []offboard.Dependent) (time.Time, error) {
	var oldest time.Time
	err := c.with(ctx, clusterID, func(k *client) error {
		oldest = time.Time{} // it may run a second time
		for _, d := range dependents {
			w, err := k.workload(ctx, d)
			if err != nil {
				return err
			}
			pods, err := k.pods(ctx, w)
			if err != nil {
				return err
			}
			for i := range pods {
				start := pods[i].Status.StartTime
				if start != nil && (oldest.IsZero() || start.Time.Before(oldest)) {
					oldest = start.Time.UTC()
				}
			}
		}
		return nil
	})
	return oldest, err
}
