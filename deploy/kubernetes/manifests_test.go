package kubernetes_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"

	"offboard/internal/app"
)

// documents are the parts of a file.
func documents(t *testing.T, file string) []string {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	return strings.Split(string(data), "\n---\n")
}

// base is what kustomize puts together, read with the API's own types: a field that Kubernetes does not know, or one given
// twice, is an error.
func base(t *testing.T) []runtime.Object {
	t.Helper()
	var kustomization struct {
		APIVersion string `json:"apiVersion"`
		Kind       string
		Namespace  string
		Resources  []string
		Labels     []struct{ Pairs map[string]string }
	}
	require.NoError(t, yaml.UnmarshalWithOptions([]byte(documents(t, "kustomization.yaml")[0]), &kustomization, yaml.Strict()))
	strict := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	var objects []runtime.Object
	for _, file := range kustomization.Resources {
		for n, text := range documents(t, file) {
			object, _, err := strict.Decode([]byte(text), nil, nil)
			require.NoError(t, err, "%s, part %d", file, n+1)
			objects = append(objects, object)
		}
	}
	files, err := filepath.Glob("*.yaml")
	require.NoError(t, err)
	assert.Len(t, files, len(kustomization.Resources)+1, "every file is named in kustomization.yaml")
	return objects
}

// template is what a workload runs.
type template struct {
	name string
	pod  corev1.PodTemplateSpec
	with *metav1.LabelSelector
}

func templates(t *testing.T, objects []runtime.Object) []template {
	t.Helper()
	var list []template
	for _, o := range objects {
		switch o := o.(type) {
		case *appsv1.Deployment:
			list = append(list, template{o.Name, o.Spec.Template, o.Spec.Selector})
		case *appsv1.StatefulSet:
			list = append(list, template{o.Name, o.Spec.Template, o.Spec.Selector})
		}
	}
	require.Len(t, list, 3, "worker, door and codec server")
	return list
}

func TestProgramsHaveNoMoreThanTheyNeed(t *testing.T) {
	for _, w := range templates(t, base(t)) {
		pod, c := w.pod.Spec, w.pod.Spec.Containers[0]
		require.Len(t, pod.Containers, 1)
		assert.False(t, *pod.AutomountServiceAccountToken, w.name)
		assert.True(t, *pod.SecurityContext.RunAsNonRoot, w.name)
		assert.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.SecurityContext.SeccompProfile.Type, w.name)
		assert.True(t, *c.SecurityContext.ReadOnlyRootFilesystem, w.name)
		assert.False(t, *c.SecurityContext.AllowPrivilegeEscalation, w.name)
		assert.Equal(t, []corev1.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop, w.name)
		assert.Contains(t, c.Resources.Limits, corev1.ResourceMemory, w.name)
		for _, e := range c.Env {
			assert.False(t, strings.HasSuffix(e.Name, "KEY") || strings.HasSuffix(e.Name, "TOKEN"), "%s has %s", w.name, e.Name)
		}
		for _, v := range pod.Volumes {
			if v.Secret != nil {
				assert.Equal(t, "offboard-"+w.name, v.Secret.SecretName, "no program mounts what another one needs")
			}
		}
	}
}

func TestProbesAndPorts(t *testing.T) {
	for _, w := range templates(t, base(t)) {
		c := w.pod.Spec.Containers[0]
		require.NotNil(t, c.LivenessProbe, w.name)
		require.NotNil(t, c.ReadinessProbe, w.name)
		assert.Equal(t, "/livez", c.LivenessProbe.HTTPGet.Path, w.name)
		require.Len(t, c.Ports, 1)
		assert.Equal(t, c.Ports[0].Name, c.ReadinessProbe.HTTPGet.Port.String(), w.name)
		assert.True(t, selects(t, w.with, w.pod.Labels), w.name)
	}
}

// What is under way may end before the pod is killed.
func TestGraceIsLongerThanTheDrain(t *testing.T) {
	longest := map[string]time.Duration{"worker": app.DefaultWorker().Drain.Std(), "door": 20 * time.Second, "codec": 0}
	for _, w := range templates(t, base(t)) {
		grace := 30 * time.Second // Kubernetes' own
		if s := w.pod.Spec.TerminationGracePeriodSeconds; s != nil {
			grace = time.Duration(*s) * time.Second
		}
		assert.Greater(t, grace, longest[w.name], w.name)
	}
}

// Every program may be reached and may reach out by a policy of its own; nothing else may. A budget never keeps a node
// from being emptied for good.
func TestPoliciesAndBudgetsMeanProgramsThatThereAre(t *testing.T) {
	objects := base(t)
	programs := templates(t, objects)
	allowed := map[string]bool{}
	closed := false
	for _, o := range objects {
		switch o := o.(type) {
		case *networkingv1.NetworkPolicy:
			assert.Len(t, o.Spec.PolicyTypes, 2, o.Name)
			if len(o.Spec.PodSelector.MatchLabels) == 0 {
				closed = len(o.Spec.Ingress) == 0 && len(o.Spec.Egress) == 0
				continue
			}
			for _, p := range programs {
				if selects(t, &o.Spec.PodSelector, p.pod.Labels) {
					allowed[p.name] = true
					assert.Equal(t, p.pod.Spec.Containers[0].Ports[0].ContainerPort, o.Spec.Ingress[0].Ports[0].Port.IntVal, o.Name)
				}
			}
		case *policyv1.PodDisruptionBudget:
			for _, x := range objects {
				if d, yes := x.(*appsv1.Deployment); yes && selects(t, o.Spec.Selector, d.Spec.Template.Labels) {
					assert.Greater(t, int(*d.Spec.Replicas), o.Spec.MinAvailable.IntValue(), o.Name)
				}
			}
		case *corev1.Service:
			for _, p := range programs {
				if selects(t, metav1.SetAsLabelSelector(o.Spec.Selector), p.pod.Labels) {
					assert.Equal(t, p.pod.Spec.Containers[0].Ports[0].Name, o.Spec.Ports[0].TargetPort.String(), o.Name)
				}
			}
		}
	}
	assert.True(t, closed, "what no policy allows is forbidden")
	assert.Len(t, allowed, 3)
}

func selects(t *testing.T, s *metav1.LabelSelector, of map[string]string) bool {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(s)
	require.NoError(t, err)
	return selector.Matches(labels.Set(of))
}

// The example for the Worker Controller runs the same pod as the base; its own fields are of a type that this module does
// not know.
func TestTheControllersPodIsTheBases(t *testing.T) {
	var example struct {
		Kind string
		Spec struct{ Template any }
	}
	for _, text := range documents(t, filepath.Join("worker-controller", "worker.yaml")) {
		if strings.Contains(text, "kind: WorkerDeployment") {
			require.NoError(t, yaml.Unmarshal([]byte(text), &example))
		}
	}
	data, err := yaml.MarshalWithOptions(map[string]any{"apiVersion": "v1", "kind": "PodTemplate", "template": example.Spec.Template}, yaml.JSON())
	require.NoError(t, err)
	object, _, err := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer().Decode(bytes.TrimSpace(data), nil, nil)
	require.NoError(t, err)
	theirs := object.(*corev1.PodTemplate).Template
	for _, w := range templates(t, base(t)) {
		if w.name != "worker" {
			continue
		}
		ours := w.pod
		assert.Equal(t, ours.Labels, theirs.Labels)
		assert.Equal(t, ours.Spec.SecurityContext, theirs.Spec.SecurityContext)
		assert.Equal(t, ours.Spec.Volumes, theirs.Spec.Volumes)
		assert.Equal(t, ours.Spec.Containers[0].VolumeMounts, theirs.Spec.Containers[0].VolumeMounts)
		assert.Equal(t, ours.Spec.Containers[0].ReadinessProbe, theirs.Spec.Containers[0].ReadinessProbe)
		assert.Equal(t, ours.Spec.TerminationGracePeriodSeconds, theirs.Spec.TerminationGracePeriodSeconds)
	}
}
