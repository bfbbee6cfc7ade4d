package kubernetes

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"offboard/internal/offboard"
)

// markKey is the annotation of the pod template that a restart sets to its mark. It is not kubectl's restartedAt: that
// one is a time in whole seconds, so a second restart within the same second would do nothing; and when somebody else
// runs `kubectl rollout restart`, it would look as if our restart had been taken back.
const markKey = "offboard/restarted"

// fieldManager names us in the managed fields of what we patch.
const fieldManager = "offboard"

// Pods lists the UIDs of a dependent's pods, terminating ones included, sorted. Pods that have ended are not among them.
// NotFound if the workload is gone.
func (c *Clusters) Pods(ctx context.Context, clusterID string, d offboard.Dependent) ([]string, error) {
	var uids []string
	err := c.with(ctx, clusterID, func(k *client) error {
		w, err := k.workload(ctx, d)
		if err != nil {
			return err
		}
		pods, err := k.pods(ctx, w)
		if err != nil {
			return err
		}
		uids = make([]string, 0, len(pods))
		for _, pod := range pods {
			uids = append(uids, string(pod.UID))
		}
		slices.Sort(uids)
		return nil
	})
	return uids, err
}

// Restart begins to replace every pod of a dependent by a rollout, which its controller carries out without us. It sets
// one annotation of the pod template to mark, so the same mark twice restarts once; only if an add-on manager took the
// mark back in between does the second call start another rollout. NotFound if the workload is gone, Unsupported for
// anything but a Deployment or StatefulSet.
func (c *Clusters) Restart(ctx context.Context, clusterID string, d offboard.Dependent, mark string) error {
	if mark == "" {
		return offboard.Errorf(offboard.Invalid, "restart "+d.String()+" in cluster "+clusterID, "a restart needs a mark")
	}
	patch, err := markPatch(mark)
	if err != nil {
		return offboard.Errorf(offboard.Invalid, "restart "+d.String()+" in cluster "+clusterID, "the mark cannot be encoded")
	}
	return c.with(ctx, clusterID, func(k *client) error {
		what := "restart " + d.String()
		options := metav1.PatchOptions{FieldManager: fieldManager}
		switch d.Kind {
		case deployment:
			_, err := k.apps.Deployments(d.Namespace).Patch(ctx, d.Workload, types.StrategicMergePatchType, patch, options)
			return k.change(ctx, what, err)
		case statefulSet:
			_, err := k.apps.StatefulSets(d.Namespace).Patch(ctx, d.Workload, types.StrategicMergePatchType, patch, options)
			return k.change(ctx, what, err)
		}
		return k.unsupported(what, d)
	})
}

func markPatch(mark string) ([]byte, error) {
	type object = map[string]any
	return json.Marshal(object{"spec": object{"template": object{"metadata": object{"annotations": object{markKey: mark}}}}})
}

// Replace deletes old pods for where a rollout does not stick. One call takes one step, at most one deletion, and does
// not wait for its effect: call it again as long as Rollout says Reverted, which it does when the step's replacement is
// ready and more old pods are left. Nothing left to do, the workload gone included, is nil.
//
// An old pod that is not ready serves nobody and is deleted without further conditions. Of several ready ones one is
// deleted only while all the others the workload wants are ready, so that it never is without a ready pod; until then
// the call does nothing. A workload with a single replica has nothing to wait for: its pod is simply deleted. Deletions
// name the UID, so a replacement with the same name is safe.
func (c *Clusters) Replace(ctx context.Context, clusterID string, d offboard.Dependent, old []string) error {
	return c.with(ctx, clusterID, func(k *client) error {
		w, err := k.workload(ctx, d)
		if offboard.CodeOf(err) == offboard.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		pods, err := k.pods(ctx, w)
		if err != nil {
			return err
		}
		victim := nextVictim(w, pods, old)
		if victim == nil {
			return nil
		}
		what := "delete pod " + victim.Namespace + "/" + victim.Name
		err = k.change(ctx, what, k.core.Pods(victim.Namespace).Delete(ctx, victim.Name, metav1.DeleteOptions{
			Preconditions: metav1.NewUIDPreconditions(string(victim.UID)),
		}))
		switch offboard.CodeOf(err) {
		case offboard.NotFound, offboard.Conflict: // gone, or another one has its name: the old one is no more
			return nil
		}
		return err
	})
}

// nextVictim is the old pod that may be deleted now, nil if there is none.
func nextVictim(w workload, pods []core.Pod, old []string) *core.Pod {
	var victims []*core.Pod
	serving := 0
	for i := range pods {
		pod := &pods[i]
		if terminating(pod) {
			continue
		}
		if ready(pod) {
			serving++
		}
		if slices.Contains(old, string(pod.UID)) {
			victims = append(victims, pod)
		}
	}
	if len(victims) == 0 {
		return nil
	}
	// The same order every time, so that two calls at once choose the same pod: not ready ones first, then as a
	// StatefulSet's own rollout goes, from the highest ordinal down.
	slices.SortFunc(victims, func(a, b *core.Pod) int {
		return cmp.Or(compareReady(a, b), cmp.Compare(ordinal(w, b), ordinal(w, a)), cmp.Compare(a.Name, b.Name))
	})
	victim := victims[0]
	if ready(victim) && w.replicas > 1 && serving < w.replicas {
		return nil
	}
	return victim
}

func compareReady(a, b *core.Pod) int {
	switch {
	case ready(a) == ready(b):
		return 0
	case ready(b):
		return -1
	}
	return 1
}

// ordinal is the number of a StatefulSet's pod, -1 for all others.
func ordinal(w workload, pod *core.Pod) int {
	if w.kind != statefulSet {
		return -1
	}
	n, err := strconv.Atoi(strings.TrimPrefix(pod.Name, w.name+"-"))
	if err != nil {
		return -1
	}
	return n
}
