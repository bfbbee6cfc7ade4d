package kubernetes_test

import (
	"bytes"
	"encoding/json"
	"fmt"
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
		health := healthPort(t, c)
		for _, probe := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe} {
			assert.Equal(t, health.Name, probe.HTTPGet.Port.String(), "%s: its own port may want TLS", w.name)
		}
		assert.True(t, selects(t, w.with, w.pod.Labels), w.name)
	}
}

// healthPort is where a program answers probes and Prometheus, which it is told by a variable.
func healthPort(t *testing.T, c corev1.Container) corev1.ContainerPort {
	t.Helper()
	for _, port := range c.Ports {
		if port.Name != "health" {
			continue
		}
		assert.Contains(t, c.Env, corev1.EnvVar{Name: "OFFBOARD_HEALTH", Value: fmt.Sprintf("0.0.0.0:%d", port.ContainerPort)}, c.Name)
		return port
	}
	require.Fail(t, "there is no port for probes", c.Name)
	return corev1.ContainerPort{}
}

// What is under way may end before the pod is killed.
func TestGraceIsLongerThanTheDrain(t *testing.T) {
	longest := map[string]time.Duration{"worker": app.DefaultWorker().Drain.Std(), "door": 20 * time.Second, "codec-server": 10 * time.Second}
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
					assert.Equal(t, doors(t, p.pod.Spec.Containers[0]), admitted(t, o), o.Name)
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

// doors are the ports of a program by the label of those who may reach them.
func doors(t *testing.T, c corev1.Container) map[string]int32 {
	t.Helper()
	list := map[string]int32{"metrics": healthPort(t, c).ContainerPort}
	for _, port := range c.Ports {
		if port.Name != "health" {
			list["ingress"] = port.ContainerPort
		}
	}
	return list
}

// admitted are the ports that a policy opens, by the same.
func admitted(t *testing.T, p *networkingv1.NetworkPolicy) map[string]int32 {
	t.Helper()
	list := map[string]int32{}
	for _, rule := range p.Spec.Ingress {
		require.Len(t, rule.From, 1, p.Name)
		require.Len(t, rule.Ports, 1, p.Name)
		list[rule.From[0].NamespaceSelector.MatchLabels["offboard.example/access"]] = rule.Ports[0].Port.IntVal
	}
	return list
}

func selects(t *testing.T, s *metav1.LabelSelector, of map[string]string) bool {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(s)
	require.NoError(t, err)
	return selector.Matches(labels.Set(of))
}

// connection and workerDeployment are the fields of the Worker Controller's own types (release 1.8.1) that the example
// uses; its module would bring a Kubernetes of its own.
type connection struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		HostPort string `json:"hostPort"`
	} `json:"spec"`
}

type workerDeployment struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Replicas      *int32                 `json:"replicas"`
		Template      corev1.PodTemplateSpec `json:"template"`
		WorkerOptions struct {
			ConnectionRef     corev1.LocalObjectReference `json:"connectionRef"`
			TemporalNamespace string                      `json:"temporalNamespace"`
		} `json:"workerOptions"`
		Rollout struct {
			Strategy string `json:"strategy"`
			Steps    []struct {
				RampPercentage int             `json:"rampPercentage"`
				PauseDuration  metav1.Duration `json:"pauseDuration"`
			} `json:"steps"`
		} `json:"rollout"`
		Sunset struct {
			ScaledownDelay *metav1.Duration `json:"scaledownDelay"`
			DeleteDelay    *metav1.Duration `json:"deleteDelay"`
		} `json:"sunset"`
	} `json:"spec"`
}

func TestTheControllersExampleIsOneItTakes(t *testing.T) {
	parts := documents(t, filepath.Join("worker-controller", "worker.yaml"))
	require.Len(t, parts, 2)
	var temporal connection
	strictly(t, parts[0], &temporal)
	var example workerDeployment
	strictly(t, parts[1], &example)
	assert.Equal(t, metav1.TypeMeta{APIVersion: "temporal.io/v1alpha1", Kind: "Connection"}, temporal.TypeMeta)
	assert.Equal(t, metav1.TypeMeta{APIVersion: "temporal.io/v1alpha1", Kind: "WorkerDeployment"}, example.TypeMeta)
	assert.Regexp(t, `^[a-zA-Z0-9.-]+:[0-9]+$`, temporal.Spec.HostPort)
	assert.Equal(t, temporal.Name, example.Spec.WorkerOptions.ConnectionRef.Name)
	assert.NotEmpty(t, example.Spec.WorkerOptions.TemporalNamespace)
	assert.Equal(t, "Progressive", example.Spec.Rollout.Strategy)
	last := 0
	for _, step := range example.Spec.Rollout.Steps {
		assert.Greater(t, step.RampPercentage, last)
		assert.GreaterOrEqual(t, step.PauseDuration.Duration, 30*time.Second)
		last = step.RampPercentage
	}
	assert.Positive(t, last)
	assert.Less(t, last, 100)
	assert.Greater(t, example.Spec.Sunset.DeleteDelay.Duration, example.Spec.Sunset.ScaledownDelay.Duration)

	theirs := example.Spec.Template
	for _, w := range templates(t, base(t)) {
		if w.name != "worker" {
			continue
		}
		ours := w.pod
		ours.Spec.TopologySpreadConstraints = nil // they would count the pods of all versions as one
		assert.Equal(t, ours, theirs, "it runs the same pod as the base")
	}
}

// strictly reads a document; a field that the type does not have is an error.
func strictly(t *testing.T, text string, into any) {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(into))
}
