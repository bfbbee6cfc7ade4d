package kubernetes_test

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"offboard/internal/offboard"
)

// object is what a cluster can be seeded with.
type object interface {
	metav1.Object
	runtime.Object
}

func meta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

// template gives the pods of a workload the shared label old driver manifests have (trap 44).
func template(app string) (*metav1.LabelSelector, corev1.PodTemplateSpec) {
	labels := map[string]string{"app": app}
	return &metav1.LabelSelector{MatchLabels: labels}, corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "driver", Image: "icr.io/ext/driver:1"}}},
	}
}

func deploymentOf(name, app string, replicas int32) *appsv1.Deployment {
	selector, pods := template(app)
	return &appsv1.Deployment{ObjectMeta: meta("kube-system", name),
		Spec: appsv1.DeploymentSpec{Replicas: &replicas, Selector: selector, Template: pods}}
}

func statefulSetOf(name, app string, replicas int32) *appsv1.StatefulSet {
	selector, pods := template(app)
	return &appsv1.StatefulSet{ObjectMeta: meta("kube-system", name),
		Spec: appsv1.StatefulSetSpec{Replicas: &replicas, Selector: selector, Template: pods, ServiceName: name}}
}

func daemonSetOf(name, app string) *appsv1.DaemonSet {
	selector, pods := template(app)
	return &appsv1.DaemonSet{ObjectMeta: meta("kube-system", name), Spec: appsv1.DaemonSetSpec{Selector: selector, Template: pods}}
}

func node(name string) *corev1.Node { return &corev1.Node{ObjectMeta: meta("", name)} }

func secret(namespace, name string, kind corev1.SecretType, data map[string]string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: meta(namespace, name), Type: kind, Data: map[string][]byte{}}
	for key, value := range data {
		s.Data[key] = []byte(value)
	}
	return s
}

func user(name string) rbacv1.Subject {
	return rbacv1.Subject{Kind: "User", APIGroup: "rbac.authorization.k8s.io", Name: name}
}

func bindingOf(namespace, name, role string, subjects ...rbacv1.Subject) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{ObjectMeta: meta(namespace, name), Subjects: subjects,
		RoleRef: rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "Role", Name: role}}
}

func clusterBindingOf(name, role string, subjects ...rbacv1.Subject) *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{ObjectMeta: meta("", name), Subjects: subjects,
		RoleRef: rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: role}}
}

// dependent names a workload of kube-system.
func dependent(kind, workload string) offboard.Dependent {
	return offboard.Dependent{Name: "a rule", Namespace: "kube-system", Kind: kind, Workload: workload}
}
