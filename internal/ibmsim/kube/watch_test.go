package kube_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"offboard/internal/ibmsim/clock"
	"offboard/internal/ibmsim/kube"
)

func next(t *testing.T, w watch.Interface) watch.Event {
	t.Helper()
	select {
	case e, open := <-w.ResultChan():
		require.True(t, open, "the watch ended")
		return e
	case <-time.After(10 * time.Second):
		require.FailNow(t, "no event")
		return watch.Event{}
	}
}

func TestWatchPodsThroughARestart(t *testing.T) {
	ctx := context.Background()
	c := newCluster(t)
	c.seed(deployment("csi", 1), deployment("other", 1))
	list, err := c.client.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{LabelSelector: "app=csi"})
	require.NoError(t, err)
	w, err := c.client.CoreV1().Pods(ns).Watch(ctx, metav1.ListOptions{LabelSelector: "app=csi", ResourceVersion: list.ResourceVersion})
	require.NoError(t, err)
	defer w.Stop()
	c.restartDeployment("csi", "t1")
	c.restartDeployment("other", "t1")
	c.time.Advance(time.Minute)
	var story []string
	for range 5 {
		e := next(t, w)
		p := e.Object.(*corev1.Pod)
		require.Equal(t, "csi", p.Labels["app"])
		story = append(story, fmt.Sprintf("%s %s ready=%v old=%v terminating=%v",
			e.Type, p.Status.Phase, ready(p), p.Name == list.Items[0].Name, p.DeletionTimestamp != nil))
	}
	assert.Equal(t, []string{
		"ADDED Pending ready=false old=false terminating=false",
		"MODIFIED Running ready=false old=false terminating=false",
		"MODIFIED Running ready=true old=false terminating=false",
		"MODIFIED Running ready=true old=true terminating=true",
		"DELETED Running ready=true old=true terminating=true",
	}, story)
}

func TestWatchBySelectorSeesComingAndGoing(t *testing.T) {
	ctx := context.Background()
	c := newCluster(t)
	c.seed(secret("a", "x"), secret("b", "x"))
	w, err := c.client.CoreV1().Secrets(ns).Watch(ctx, metav1.ListOptions{LabelSelector: "mine"})
	require.NoError(t, err)
	defer w.Stop()
	label := func(name, body string) {
		_, err := c.client.CoreV1().Secrets(ns).Patch(ctx, name, types.MergePatchType, []byte(body), metav1.PatchOptions{})
		require.NoError(t, err)
	}
	label("a", `{"metadata":{"labels":{"mine":"1"}}}`)
	assert.Equal(t, watch.Added, next(t, w).Type)
	label("a", `{"metadata":{"labels":{"mine":"2"}}}`)
	assert.Equal(t, watch.Modified, next(t, w).Type)
	label("b", `{"metadata":{"labels":{"other":"2"}}}`)
	label("a", `{"metadata":{"labels":null}}`)
	e := next(t, w)
	assert.Equal(t, watch.Deleted, e.Type)
	assert.Equal(t, "a", e.Object.(*corev1.Secret).Name)
}

func TestWatchFromNothingBeginsWithTheState(t *testing.T) {
	c := newCluster(t)
	c.seed(secret("a", "x"))
	w, err := c.client.CoreV1().Secrets(ns).Watch(context.Background(), metav1.ListOptions{FieldSelector: "metadata.name=a"})
	require.NoError(t, err)
	defer w.Stop()
	assert.Equal(t, watch.Added, next(t, w).Type)
	require.NoError(t, c.UpdateSecret(ns, "a", map[string][]byte{"k": []byte("new")}))
	e := next(t, w)
	assert.Equal(t, watch.Modified, e.Type)
	assert.Equal(t, "new", string(e.Object.(*corev1.Secret).Data["k"]))
}

func TestWatchTooOldIs410(t *testing.T) {
	c := newCluster(t)
	c.seed(secret("a", "x"))
	for i := range 600 {
		require.NoError(t, c.UpdateSecret(ns, "a", map[string][]byte{"k": []byte(fmt.Sprint(i))}))
	}
	w, err := c.client.CoreV1().Secrets(ns).Watch(context.Background(), metav1.ListOptions{ResourceVersion: "3"})
	require.NoError(t, err)
	defer w.Stop()
	e := next(t, w)
	require.Equal(t, watch.Error, e.Type)
	err = apierrors.FromObject(e.Object)
	assert.True(t, apierrors.IsResourceExpired(err), err)
}

func TestWatchEnds(t *testing.T) {
	c := newCluster(t)
	second := int64(1)
	w, err := c.client.CoreV1().Secrets(ns).Watch(context.Background(), metav1.ListOptions{TimeoutSeconds: &second})
	require.NoError(t, err)
	_, open := <-w.ResultChan()
	assert.False(t, open, "there are no secrets, so there is only the end")
	w, err = c.client.CoreV1().Nodes().Watch(context.Background(), metav1.ListOptions{})
	require.NoError(t, err)
	defer w.Stop()
	for range 3 {
		assert.Equal(t, watch.Added, next(t, w).Type)
	}
	c.SetUnreachable(true)
	select {
	case _, open := <-w.ResultChan():
		assert.False(t, open)
	case <-time.After(10 * time.Second):
		assert.Fail(t, "an unreachable cluster keeps its watch")
	}
}

// TestWatchThatLists asks for the present state and a mark where it ends, as current informers do.
func TestWatchThatLists(t *testing.T) {
	c := newCluster(t)
	c.seed(secret("a", "x"), secret("b", "x"))
	yes := true
	w, err := c.client.CoreV1().Secrets(ns).Watch(context.Background(), metav1.ListOptions{
		SendInitialEvents: &yes, AllowWatchBookmarks: true, ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan})
	require.NoError(t, err)
	defer w.Stop()
	assert.Equal(t, watch.Added, next(t, w).Type)
	assert.Equal(t, watch.Added, next(t, w).Type)
	mark := next(t, w)
	require.Equal(t, watch.Bookmark, mark.Type)
	assert.Equal(t, "true", mark.Object.(*corev1.Secret).Annotations[metav1.InitialEventsAnnotationKey])
	assert.NotEmpty(t, mark.Object.(*corev1.Secret).ResourceVersion)
}

func TestRealClock(t *testing.T) {
	ctx := context.Background()
	c := newCluster(t, func(o *kube.Options) {
		o.Clock, o.PodStart, o.PodStop = clock.Real{}, 60*time.Millisecond, 30*time.Millisecond
	})
	c.seed(deployment("csi", 2), statefulSet("block", 2), daemonSet("node-plugin"))
	w, err := c.client.AppsV1().Deployments(ns).Watch(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	defer w.Stop()
	before := c.running("csi")
	c.restartDeployment("csi", "t1")
	c.restartStatefulSet("block", "t1")
	for {
		d := next(t, w).Object.(*appsv1.Deployment)
		if d.Generation == 2 && rolledOut(d) {
			break
		}
	}
	for name := range c.running("csi") {
		assert.NotContains(t, before, name)
	}
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		set := c.statefulSet("block")
		assert.Equal(t, set.Status.UpdateRevision, set.Status.CurrentRevision)
		assert.EqualValues(t, 2, set.Status.ObservedGeneration)
		assert.Len(t, c.Pods(ns), 7)
	}, 10*time.Second, 20*time.Millisecond)
}

// TestManyCallersAtOnce is for the race detector: everything a server can be asked, on the machine's clock.
func TestManyCallersAtOnce(t *testing.T) {
	ctx := context.Background()
	c := newCluster(t, func(o *kube.Options) {
		o.Clock, o.PodStart, o.PodStop = clock.Real{}, 4*time.Millisecond, 2*time.Millisecond
	})
	c.seed(deployment("csi", 3), statefulSet("block", 2), daemonSet("node-plugin"), secret("store", "x"))
	w, err := c.client.CoreV1().Pods(ns).Watch(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	go func() {
		for range w.ResultChan() {
		}
	}()
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			for j := range 10 {
				at := fmt.Sprint(i, "-", j)
				_, err := c.client.AppsV1().Deployments(ns).Patch(ctx, "csi", types.StrategicMergePatchType, restart(at), metav1.PatchOptions{})
				assert.NoError(t, err)
				_, err = c.client.AppsV1().StatefulSets(ns).Patch(ctx, "block", types.StrategicMergePatchType, restart(at), metav1.PatchOptions{})
				assert.NoError(t, err)
				assert.NoError(t, c.UpdateSecret(ns, "store", map[string][]byte{"k": []byte(at)}))
				c.SetNeverReady(ns, "block", []string{"", "ImagePullBackOff"}[j%2])
				for _, p := range c.Pods(ns)[:1] {
					err := c.client.CoreV1().Pods(ns).Delete(ctx, p.Name, metav1.DeleteOptions{})
					assert.True(t, err == nil || apierrors.IsNotFound(err), err)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	all.Wait()
	w.Stop()
	c.SetNeverReady(ns, "block", "")
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		assert.True(t, rolledOut(c.deployment("csi")))
		set := c.statefulSet("block")
		assert.Equal(t, set.Status.UpdateRevision, set.Status.CurrentRevision)
		assert.EqualValues(t, 3, c.daemonSet("node-plugin").Status.NumberAvailable)
		assert.Len(t, c.Pods(ns), 8)
	}, 20*time.Second, 20*time.Millisecond)
}
