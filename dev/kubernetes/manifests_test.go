package kubernetes_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
)

// The API server takes every object of deploy/kubernetes, and its controllers make all the pods: the namespace lets none in
// that may do more than it must. What the manifests mean is tested beside them.
func TestTheManifestsAreTakenByARealCluster(t *testing.T) {
	c := clusters.Run(t, "manifests")
	require.NoError(t, c.Create(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}}))
	objects := manifests(t)
	require.NoError(t, c.Create(objects...))

	pods := func() map[string]int {
		list, err := c.Core.Pods("offboard").List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		running := map[string]int{}
		for _, pod := range list.Items {
			if pod.Status.Phase == corev1.PodRunning {
				running[pod.Labels["app.kubernetes.io/name"]]++
			}
		}
		return running
	}
	assert.EventuallyWithT(t, func(collect *assert.CollectT) {
		assert.Equal(collect, map[string]int{"worker": 2, "door": 1, "codec-server": 2}, pods())
	}, patience, 100*time.Millisecond)

	_, err := c.Core.Pods("offboard").Create(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "stranger"},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "a"}}}}, metav1.CreateOptions{})
	assert.ErrorContains(t, err, `violates PodSecurity "restricted`)
}

// manifests are the objects of the base, in its namespace.
func manifests(t *testing.T) []runtime.Object {
	t.Helper()
	dir := filepath.Join("..", "..", "deploy", "kubernetes")
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return string(text)
	}
	var base struct {
		Namespace string
		Resources []string
	}
	require.NoError(t, yaml.Unmarshal([]byte(read("kustomization.yaml")), &base))
	var objects []runtime.Object
	for _, name := range base.Resources {
		for text := range strings.SplitSeq(read(name), "\n---\n") {
			o, _, err := scheme.Codecs.UniversalDeserializer().Decode([]byte(text), nil, nil)
			require.NoError(t, err, name)
			about, err := meta.Accessor(o)
			require.NoError(t, err, name)
			if _, cluster := o.(*corev1.Namespace); !cluster {
				about.SetNamespace(base.Namespace)
			}
			objects = append(objects, o)
		}
	}
	assert.Greater(t, len(objects), 10)
	return objects
}
