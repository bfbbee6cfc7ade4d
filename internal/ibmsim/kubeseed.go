package ibmsim

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

const (
	systemNamespace   = "kube-system"
	storageSecret     = "storage-secret-store"  // slclient.toml
	credentialsSecret = "ibm-cloud-credentials" // ibm-credentials.env
	appLabel          = "app"
	nameLabel         = "app.kubernetes.io/name"
	reconcileLabel    = "addonmanager.kubernetes.io/mode"
)

// dependent is a workload whose process reads the cluster's key when it starts.
type dependent struct {
	name, container string
	replicas        int32
	stateful        bool
	labels          map[string]string
	storage         bool // reads ibm-cloud-credentials first, which may name a trusted profile
	keyless         bool // and does
	where           string
}

// dependents is the table of workloads that must be restarted after the key changed.
func (c *cluster) dependents() []dependent {
	var list []dependent
	profile := c.spec.TrustedProfile != ""
	switch c.spec.BlockCSI {
	case "deployment":
		list = append(list, dependent{
			name: "ibm-vpc-block-csi-controller", container: "iks-vpc-block-driver", replicas: 1, storage: true, keyless: profile,
			labels: map[string]string{appLabel: "ibm-vpc-block-csi-controller", nameLabel: "ibm-vpc-block-csi-driver"},
		})
	case "statefulset":
		// Manifests of the old add-on give controller and node plug-in the same label (trap 44).
		list = append(list, dependent{
			name: "ibm-vpc-block-csi-controller", container: "iks-vpc-block-driver", replicas: 1, stateful: true, storage: true, keyless: profile,
			labels: map[string]string{appLabel: "ibm-vpc-block-csi-driver"},
		})
	}
	if c.spec.FileCSI {
		list = append(list, dependent{
			name: "ibm-vpc-file-csi-controller", container: "iks-vpc-file-driver", replicas: 2, storage: true, keyless: profile,
			labels: map[string]string{appLabel: "ibm-vpc-file-csi-controller", nameLabel: "ibm-vpc-file-csi-driver"},
		})
	}
	if c.spec.Autoscaler {
		list = append(list, dependent{
			name: "ibm-iks-cluster-autoscaler", container: "ibm-iks-cluster-autoscaler", replicas: 1, labels: map[string]string{appLabel: "ibm-iks-cluster-autoscaler"},
		})
	}
	for i := range list {
		if n, given := c.spec.Replicas[list[i].name]; given {
			list[i].replicas = n
		}
	}
	for _, wl := range c.spec.Workloads {
		if wl.Key {
			list = append(list, dependent{name: wl.Name, container: wl.Name, replicas: max(wl.Replicas, 1), stateful: wl.Stateful,
				labels: map[string]string{appLabel: wl.Name}, where: firstOf(wl.Namespace, "default")})
		}
	}
	return list
}

// namespace is kube-system but for workloads that the account file makes dependents.
func (d dependent) namespace() string { return firstOf(d.where, systemNamespace) }

// seedObjects is the cluster as it was when it began to run.
func (w *world) seedObjects(c *cluster) []runtime.Object {
	objects := []runtime.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ibm-system"}}}
	for i := range min(c.spec.Workers, 3) {
		objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("10.240.0.%d", i+4), Labels: map[string]string{"kubernetes.io/os": "linux"}}})
	}
	for name, data := range w.secretData(c, c.firstKey) {
		objects = append(objects, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: name}, Type: corev1.SecretTypeOpaque, Data: data})
	}
	objects = append(objects, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: "cluster-info"},
		Data:       map[string]string{"cluster-config.json": fmt.Sprintf(`{"cluster_id":%q,"cluster_name":%q}`, c.id, c.spec.Name)},
	})
	objects = append(objects, plainDeployment(systemNamespace, "coredns", 2))
	for _, d := range c.dependents() {
		objects = append(objects, d.object())
	}
	objects = append(objects, c.nodePlugins()...)
	for _, wl := range c.spec.Workloads {
		switch namespace, replicas := firstOf(wl.Namespace, "default"), max(wl.Replicas, 1); {
		case wl.Key: // is among the dependents
		case wl.Stateful:
			objects = append(objects, plainStatefulSet(namespace, wl.Name, replicas))
		default:
			objects = append(objects, plainDeployment(namespace, wl.Name, replicas))
		}
	}
	for _, p := range c.spec.PullSecrets {
		objects = append(objects, w.pullSecret(p))
	}
	return append(objects, w.seedRBAC(c)...)
}

// nodePlugins are the DaemonSets that share labels with the controllers and hold no key (trap 44).
func (c *cluster) nodePlugins() []runtime.Object {
	var list []runtime.Object
	switch c.spec.BlockCSI {
	case "deployment":
		list = append(list, daemonSet("ibm-vpc-block-csi-node", map[string]string{appLabel: "ibm-vpc-block-csi-node", nameLabel: "ibm-vpc-block-csi-driver"}))
	case "statefulset":
		list = append(list, daemonSet("ibm-vpc-block-csi-node", map[string]string{appLabel: "ibm-vpc-block-csi-driver"}))
	}
	if c.spec.FileCSI {
		list = append(list, daemonSet("ibm-vpc-file-csi-node", map[string]string{appLabel: "ibm-vpc-file-csi-node", nameLabel: "ibm-vpc-file-csi-driver"}))
	}
	return list
}

func (d dependent) object() runtime.Object {
	meta := metav1.ObjectMeta{Namespace: d.namespace(), Name: d.name, Labels: map[string]string{reconcileLabel: "Reconcile"}}
	for k, v := range d.labels {
		meta.Labels[k] = v
	}
	// The selector is the workload's own, so that the shared label does not make two owners fight over a pod.
	own := map[string]string{"component": d.name}
	labels := map[string]string{"component": d.name}
	for k, v := range d.labels {
		labels[k] = v
	}
	secrets := []string{storageSecret}
	if d.storage {
		secrets = append(secrets, credentialsSecret)
	}
	template := podTemplate(labels, d.container, secrets...)
	selector := &metav1.LabelSelector{MatchLabels: own}
	if d.stateful {
		return &appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{Replicas: &d.replicas, Selector: selector, ServiceName: d.name, Template: template}}
	}
	return &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Replicas: &d.replicas, Selector: selector, Template: template}}
}

func podTemplate(labels map[string]string, container string, secrets ...string) corev1.PodTemplateSpec {
	spec := corev1.PodSpec{Containers: []corev1.Container{{Name: container, Image: "icr.example/ext/" + container + ":1"}}}
	for _, s := range secrets {
		spec.Volumes = append(spec.Volumes, corev1.Volume{Name: s, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: s}}})
		spec.Containers[0].VolumeMounts = append(spec.Containers[0].VolumeMounts, corev1.VolumeMount{Name: s, MountPath: "/etc/" + s, ReadOnly: true})
	}
	return corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec}
}

func plainDeployment(namespace, name string, replicas int32) runtime.Object {
	labels := map[string]string{appLabel: name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels},
		Spec:       appsv1.DeploymentSpec{Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: podTemplate(labels, name)},
	}
}

func plainStatefulSet(namespace, name string, replicas int32) runtime.Object {
	labels := map[string]string{appLabel: name}
	return &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels},
		Spec: appsv1.StatefulSetSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels}, ServiceName: name, Template: podTemplate(labels, name),
		},
	}
}

func daemonSet(name string, labels map[string]string) runtime.Object {
	all := map[string]string{"component": name}
	for k, v := range labels {
		all[k] = v
	}
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: name, Labels: labels},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"component": name}}, Template: podTemplate(all, name),
		},
	}
}

// secretData is what the platform writes into the cluster's two secrets for a key.
func (w *world) secretData(c *cluster, key *apiKey) map[string]map[string][]byte {
	value := ""
	if key != nil {
		value = key.secret
	}
	env := "IBMCLOUD_AUTHTYPE=iam\nIBMCLOUD_APIKEY=" + value + "\n"
	if c.spec.TrustedProfile != "" {
		i := slices.IndexFunc(w.profiles, func(p *profile) bool { return p.name == c.spec.TrustedProfile })
		env = "IBMCLOUD_AUTHTYPE=pod-identity\nIBMCLOUD_PROFILEID=" + w.profiles[i].id + "\n"
	}
	return map[string]map[string][]byte{
		storageSecret:     {"slclient.toml": []byte("[VPC]\nprovider_type = \"g2\"\n" + keyLine + value + "\"\n")},
		credentialsSecret: {"ibm-credentials.env": []byte(env)},
	}
}

const keyLine = `g2_api_key = "`

func keyInSecret(s *corev1.Secret) string {
	if s == nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(s.Data["slclient.toml"]), keyLine)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// pullSecret is an image pull secret with somebody's own key in it, as people make them by hand.
func (w *world) pullSecret(p PullSecret) runtime.Object {
	value := w.ids.secret("elsewhere", "pull", p.Namespace+"/"+p.Name)
	for _, k := range w.keysByOwner[w.iamByEmail(p.Owner)] {
		if k.name == p.Key {
			value = k.secret
		}
	}
	auth := map[string]any{"auths": map[string]any{firstOf(p.Registry, "icr.example"): map[string]any{
		"username": "iamapikey", "password": value, "auth": base64.StdEncoding.EncodeToString([]byte("iamapikey:" + value)),
	}}}
	text, err := json.Marshal(auth)
	if err != nil {
		text = []byte("{}") // a map of strings always marshals
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: firstOf(p.Namespace, "default"), Name: p.Name}, Type: corev1.SecretTypeDockerConfigJson,
		Data: map[string][]byte{corev1.DockerConfigJsonKey: text},
	}
}
