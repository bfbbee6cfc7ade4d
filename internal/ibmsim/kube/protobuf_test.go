package kube_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// A client that speaks nothing but protobuf can do all that one speaking JSON can, and sees the same.
func TestProtobuf(t *testing.T) {
	c := newCluster(t)
	c.seed(deployment("csi", 2))
	const protobuf = "application/vnd.kubernetes.protobuf"
	client, err := kubernetes.NewForConfig(&rest.Config{Host: c.address, ContentConfig: rest.ContentConfig{ContentType: protobuf, AcceptContentTypes: protobuf}})
	require.NoError(t, err)
	ctx := context.Background()
	maps := client.CoreV1().ConfigMaps(ns)
	events, err := maps.Watch(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	defer events.Stop()

	made, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: meta("x"), Data: map[string]string{"a": "b"}, BinaryData: map[string][]byte{"raw": {0, 1, 255}}}, metav1.CreateOptions{})
	require.NoError(t, err)
	require.NotEmpty(t, made.UID)
	plain, err := c.client.CoreV1().ConfigMaps(ns).Get(ctx, "x", metav1.GetOptions{})
	require.NoError(t, err)
	plain.TypeMeta = made.TypeMeta
	require.Equal(t, plain, made, "both encodings show one object")
	made.Data["a"] = "c"
	_, err = maps.Update(ctx, made, metav1.UpdateOptions{})
	require.NoError(t, err)
	_, err = maps.Update(ctx, made, metav1.UpdateOptions{})
	require.True(t, apierrors.IsConflict(err), "a refusal is a Status in protobuf, too: %v", err)
	for _, want := range []watch.EventType{watch.Added, watch.Modified} {
		select {
		case e := <-events.ResultChan():
			assert.Equal(t, want, e.Type)
			assert.Equal(t, "x", e.Object.(*corev1.ConfigMap).Name)
		case <-time.After(time.Minute):
			require.Fail(t, "the watch says nothing")
		}
	}

	list, err := client.AppsV1().Deployments(ns).List(ctx, metav1.ListOptions{Limit: 1})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	require.NotEmpty(t, list.ResourceVersion)
	scale, err := client.AppsV1().Deployments(ns).GetScale(ctx, "csi", metav1.GetOptions{})
	require.NoError(t, err)
	scale.Spec.Replicas = 3
	scale, err = client.AppsV1().Deployments(ns).UpdateScale(ctx, "csi", scale, metav1.UpdateOptions{})
	require.NoError(t, err)
	require.Equal(t, int32(3), scale.Spec.Replicas)
	review, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "delete", Resource: "pods", Namespace: ns}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	require.True(t, review.Status.Allowed)
	seconds := int64(0)
	require.NoError(t, maps.Delete(ctx, "x", metav1.DeleteOptions{GracePeriodSeconds: &seconds, Preconditions: &metav1.Preconditions{UID: &made.UID}}))
	_, err = maps.Get(ctx, "x", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), "%v", err)
	groups, err := client.Discovery().ServerPreferredResources()
	require.NoError(t, err)
	require.NotEmpty(t, groups)
}
