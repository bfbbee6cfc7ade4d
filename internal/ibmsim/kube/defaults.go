package kube

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// set gives an optional field its default.
func set[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}

// setZero gives a plain field its default.
func setZero[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func defaultNamespace(n *corev1.Namespace) {
	if len(n.Spec.Finalizers) == 0 {
		n.Spec.Finalizers = []corev1.FinalizerName{corev1.FinalizerKubernetes}
	}
	setZero(&n.Status.Phase, corev1.NamespaceActive)
	if n.Labels[corev1.LabelMetadataName] != n.Name {
		if n.Labels == nil {
			n.Labels = make(map[string]string, 1)
		}
		n.Labels[corev1.LabelMetadataName] = n.Name
	}
}

func defaultSecret(s *corev1.Secret) {
	setZero(&s.Type, corev1.SecretTypeOpaque)
	for name, value := range s.StringData {
		if s.Data == nil {
			s.Data = make(map[string][]byte, len(s.StringData))
		}
		s.Data[name] = []byte(value)
	}
	s.StringData = nil // write only
}

func defaultDeployment(d *appsv1.Deployment) {
	quarter := intstr.FromString("25%")
	set(&d.Spec.Replicas, 1)
	set(&d.Spec.RevisionHistoryLimit, 10)
	set(&d.Spec.ProgressDeadlineSeconds, 600)
	setZero(&d.Spec.Strategy.Type, appsv1.RollingUpdateDeploymentStrategyType)
	if d.Spec.Strategy.Type == appsv1.RollingUpdateDeploymentStrategyType {
		set(&d.Spec.Strategy.RollingUpdate, appsv1.RollingUpdateDeployment{})
		set(&d.Spec.Strategy.RollingUpdate.MaxSurge, quarter)
		set(&d.Spec.Strategy.RollingUpdate.MaxUnavailable, quarter)
	}
	defaultPodSpec(&d.Spec.Template.Spec)
}

func defaultReplicaSet(r *appsv1.ReplicaSet) {
	set(&r.Spec.Replicas, 1)
	if len(r.Labels) == 0 {
		r.Labels = r.Spec.Template.Labels
	}
	defaultPodSpec(&r.Spec.Template.Spec)
}

func defaultStatefulSet(s *appsv1.StatefulSet) {
	set(&s.Spec.Replicas, 1)
	set(&s.Spec.RevisionHistoryLimit, 10)
	setZero(&s.Spec.PodManagementPolicy, appsv1.OrderedReadyPodManagement)
	setZero(&s.Spec.UpdateStrategy.Type, appsv1.RollingUpdateStatefulSetStrategyType)
	if s.Spec.UpdateStrategy.Type == appsv1.RollingUpdateStatefulSetStrategyType {
		set(&s.Spec.UpdateStrategy.RollingUpdate, appsv1.RollingUpdateStatefulSetStrategy{})
		set(&s.Spec.UpdateStrategy.RollingUpdate.Partition, 0)
	}
	defaultPodSpec(&s.Spec.Template.Spec)
}

func defaultDaemonSet(d *appsv1.DaemonSet) {
	set(&d.Spec.RevisionHistoryLimit, 10)
	setZero(&d.Spec.UpdateStrategy.Type, appsv1.RollingUpdateDaemonSetStrategyType)
	if d.Spec.UpdateStrategy.Type == appsv1.RollingUpdateDaemonSetStrategyType {
		set(&d.Spec.UpdateStrategy.RollingUpdate, appsv1.RollingUpdateDaemonSet{})
		set(&d.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable, intstr.FromInt32(1))
		set(&d.Spec.UpdateStrategy.RollingUpdate.MaxSurge, intstr.FromInt32(0))
	}
	defaultPodSpec(&d.Spec.Template.Spec)
}

func defaultPod(p *corev1.Pod) {
	defaultPodSpec(&p.Spec)
	setZero(&p.Spec.ServiceAccountName, metav1.NamespaceDefault)
	set(&p.Spec.EnableServiceLinks, true)
	setZero(&p.Status.Phase, corev1.PodPending)
}

func defaultPodSpec(p *corev1.PodSpec) {
	setZero(&p.RestartPolicy, corev1.RestartPolicyAlways)
	setZero(&p.DNSPolicy, corev1.DNSClusterFirst)
	setZero(&p.SchedulerName, corev1.DefaultSchedulerName)
	set(&p.TerminationGracePeriodSeconds, corev1.DefaultTerminationGracePeriodSeconds)
	set(&p.SecurityContext, corev1.PodSecurityContext{})
	setZero(&p.ServiceAccountName, p.DeprecatedServiceAccount)
	p.DeprecatedServiceAccount = p.ServiceAccountName
	for i := range p.InitContainers {
		defaultContainer(&p.InitContainers[i])
	}
	for i := range p.Containers {
		defaultContainer(&p.Containers[i])
	}
	for i := range p.Volumes {
		switch v := &p.Volumes[i].VolumeSource; {
		case v.Secret != nil:
			set(&v.Secret.DefaultMode, corev1.SecretVolumeSourceDefaultMode)
		case v.ConfigMap != nil:
			set(&v.ConfigMap.DefaultMode, corev1.ConfigMapVolumeSourceDefaultMode)
		case v.Projected != nil:
			set(&v.Projected.DefaultMode, corev1.ProjectedVolumeSourceDefaultMode)
		}
	}
}

func defaultContainer(c *corev1.Container) {
	setZero(&c.TerminationMessagePath, corev1.TerminationMessagePathDefault)
	setZero(&c.TerminationMessagePolicy, corev1.TerminationMessageReadFile)
	if c.ImagePullPolicy != "" {
		return
	}
	c.ImagePullPolicy = corev1.PullIfNotPresent
	name := c.Image[strings.LastIndex(c.Image, "/")+1:]
	if strings.HasSuffix(name, ":latest") || !strings.ContainsAny(name, ":@") {
		c.ImagePullPolicy = corev1.PullAlways
	}
}

func defaultRoleBinding(b *rbacv1.RoleBinding) {
	setZero(&b.RoleRef.APIGroup, rbacv1.GroupName)
	defaultSubjects(b.Subjects)
}

func defaultClusterRoleBinding(b *rbacv1.ClusterRoleBinding) {
	setZero(&b.RoleRef.APIGroup, rbacv1.GroupName)
	defaultSubjects(b.Subjects)
}

func defaultSubjects(subjects []rbacv1.Subject) {
	for i := range subjects {
		if subjects[i].Kind == rbacv1.UserKind || subjects[i].Kind == rbacv1.GroupKind {
			setZero(&subjects[i].APIGroup, rbacv1.GroupName)
		}
	}
}
