package kube

import (
	"maps"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// The rules here are those a client can run into with the few kinds served; they are a part of Kubernetes' own.

var specPath = field.NewPath("spec")

func validateDeployment(d, old *appsv1.Deployment) field.ErrorList {
	errs := validateWorkload(d.Spec.Replicas, d.Spec.Selector, &d.Spec.Template)
	switch strategy := d.Spec.Strategy; strategy.Type {
	case appsv1.RecreateDeploymentStrategyType:
		if strategy.RollingUpdate != nil {
			errs = append(errs, field.Forbidden(specPath.Child("strategy", "rollingUpdate"),
				"may not be specified when strategy `type` is 'Recreate'"))
		}
	case appsv1.RollingUpdateDeploymentStrategyType:
	default:
		errs = append(errs, field.NotSupported(specPath.Child("strategy", "type"), strategy.Type, []appsv1.DeploymentStrategyType{
			appsv1.RecreateDeploymentStrategyType, appsv1.RollingUpdateDeploymentStrategyType}))
	}
	if old != nil {
		errs = append(errs, unchanged(d.Spec.Selector, old.Spec.Selector, specPath.Child("selector"))...)
	}
	return errs
}

func validateReplicaSet(r, old *appsv1.ReplicaSet) field.ErrorList {
	errs := validateWorkload(r.Spec.Replicas, r.Spec.Selector, &r.Spec.Template)
	if old != nil {
		errs = append(errs, unchanged(r.Spec.Selector, old.Spec.Selector, specPath.Child("selector"))...)
	}
	return errs
}

func validateStatefulSet(s, old *appsv1.StatefulSet) field.ErrorList {
	errs := validateWorkload(s.Spec.Replicas, s.Spec.Selector, &s.Spec.Template)
	if old == nil {
		return errs
	}
	fixed := s.Spec
	fixed.Replicas = old.Spec.Replicas
	fixed.Ordinals = old.Spec.Ordinals
	fixed.Template = old.Spec.Template
	fixed.UpdateStrategy = old.Spec.UpdateStrategy
	fixed.RevisionHistoryLimit = old.Spec.RevisionHistoryLimit
	fixed.MinReadySeconds = old.Spec.MinReadySeconds
	fixed.PersistentVolumeClaimRetentionPolicy = old.Spec.PersistentVolumeClaimRetentionPolicy
	if !equality.Semantic.DeepEqual(fixed, old.Spec) {
		errs = append(errs, field.Forbidden(specPath, "updates to statefulset spec for fields other than 'replicas', "+
			"'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "+
			"'minReadySeconds' are forbidden"))
	}
	return errs
}

func validateDaemonSet(d, old *appsv1.DaemonSet) field.ErrorList {
	errs := validateWorkload(nil, d.Spec.Selector, &d.Spec.Template)
	if rolling := d.Spec.UpdateStrategy.RollingUpdate; rolling != nil {
		surge, _ := scaled(rolling.MaxSurge, 100, true)
		unavailable, _ := scaled(rolling.MaxUnavailable, 100, true)
		if (surge == 0) == (unavailable == 0) {
			errs = append(errs, field.Invalid(specPath.Child("updateStrategy", "rollingUpdate", "maxUnavailable"),
				rolling.MaxUnavailable, "exactly one of maxUnavailable and maxSurge must be above 0"))
		}
	}
	if old != nil {
		errs = append(errs, unchanged(d.Spec.Selector, old.Spec.Selector, specPath.Child("selector"))...)
	}
	return errs
}

func validateWorkload(replicas *int32, selector *metav1.LabelSelector, template *corev1.PodTemplateSpec) field.ErrorList {
	var errs field.ErrorList
	if replicas != nil && *replicas < 0 {
		errs = append(errs, field.Invalid(specPath.Child("replicas"), *replicas, "must be greater than or equal to 0"))
	}
	switch {
	case selector == nil:
		errs = append(errs, field.Required(specPath.Child("selector"), ""))
	case len(selector.MatchLabels)+len(selector.MatchExpressions) == 0:
		errs = append(errs, field.Invalid(specPath.Child("selector"), selector, "empty selector is invalid for workloads"))
	default:
		match, err := metav1.LabelSelectorAsSelector(selector)
		if err != nil || !match.Matches(labels.Set(template.Labels)) {
			errs = append(errs, field.Invalid(specPath.Child("template", "metadata", "labels"), template.Labels,
				"`selector` does not match template `labels`"))
		}
	}
	templatePath := specPath.Child("template")
	if template.Spec.RestartPolicy != corev1.RestartPolicyAlways {
		errs = append(errs, field.NotSupported(templatePath.Child("spec", "restartPolicy"), template.Spec.RestartPolicy,
			[]corev1.RestartPolicy{corev1.RestartPolicyAlways}))
	}
	return append(errs, validatePodSpec(&template.Spec, templatePath.Child("spec"))...)
}

func validatePod(p, old *corev1.Pod) field.ErrorList {
	errs := validatePodSpec(&p.Spec, specPath)
	if old == nil {
		return errs
	}
	fixed := p.Spec
	fixed.ActiveDeadlineSeconds = old.Spec.ActiveDeadlineSeconds
	fixed.Tolerations = old.Spec.Tolerations
	fixed.TerminationGracePeriodSeconds = old.Spec.TerminationGracePeriodSeconds
	fixed.Containers = withImagesOf(p.Spec.Containers, old.Spec.Containers)
	fixed.InitContainers = withImagesOf(p.Spec.InitContainers, old.Spec.InitContainers)
	if !equality.Semantic.DeepEqual(fixed, old.Spec) {
		errs = append(errs, field.Forbidden(specPath, "pod updates may not change fields other than "+
			"`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` "+
			"(only additions to existing tolerations),`spec.terminationGracePeriodSeconds`"))
	}
	return errs
}

func withImagesOf(containers, from []corev1.Container) []corev1.Container {
	copied := append([]corev1.Container(nil), containers...)
	for i := range copied {
		if i < len(from) {
			copied[i].Image = from[i].Image
		}
	}
	return copied
}

func validatePodSpec(p *corev1.PodSpec, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if len(p.Containers) == 0 {
		errs = append(errs, field.Required(at.Child("containers"), ""))
	}
	seen := make(map[string]bool, len(p.Containers))
	for i, c := range p.Containers {
		here := at.Child("containers").Index(i)
		switch problems := validation.IsDNS1123Label(c.Name); {
		case c.Name == "":
			errs = append(errs, field.Required(here.Child("name"), ""))
		case len(problems) > 0:
			errs = append(errs, field.Invalid(here.Child("name"), c.Name, strings.Join(problems, "; ")))
		case seen[c.Name]:
			errs = append(errs, field.Duplicate(here.Child("name"), c.Name))
		}
		seen[c.Name] = true
		if c.Image == "" {
			errs = append(errs, field.Required(here.Child("image"), ""))
		}
	}
	return errs
}

func validateSecret(s, old *corev1.Secret) field.ErrorList {
	var errs field.ErrorList
	for name := range s.Data {
		for _, problem := range validation.IsConfigMapKey(name) {
			errs = append(errs, field.Invalid(field.NewPath("data").Key(name), name, problem))
		}
	}
	if old == nil {
		return errs
	}
	errs = append(errs, unchanged(s.Type, old.Type, field.NewPath("type"))...)
	if old.Immutable != nil && *old.Immutable && !sameBytes(s.Data, old.Data) {
		errs = append(errs, field.Forbidden(field.NewPath("data"), "field is immutable when `immutable` is set"))
	}
	return errs
}

func validateConfigMap(c, old *corev1.ConfigMap) field.ErrorList {
	var errs field.ErrorList
	for name := range c.Data {
		for _, problem := range validation.IsConfigMapKey(name) {
			errs = append(errs, field.Invalid(field.NewPath("data").Key(name), name, problem))
		}
	}
	if old != nil && old.Immutable != nil && *old.Immutable && !maps.Equal(c.Data, old.Data) {
		errs = append(errs, field.Forbidden(field.NewPath("data"), "field is immutable when `immutable` is set"))
	}
	return errs
}

func validateRole(r, _ *rbacv1.Role) field.ErrorList { return validateRules(r.Rules, true) }

func validateClusterRole(r, _ *rbacv1.ClusterRole) field.ErrorList {
	return validateRules(r.Rules, false)
}

func validateRules(rules []rbacv1.PolicyRule, namespaced bool) field.ErrorList {
	var errs field.ErrorList
	for i, rule := range rules {
		at := field.NewPath("rules").Index(i)
		if len(rule.Verbs) == 0 {
			errs = append(errs, field.Required(at.Child("verbs"), "verbs must contain at least one value"))
		}
		if len(rule.NonResourceURLs) > 0 {
			if namespaced {
				errs = append(errs, field.Invalid(at.Child("nonResourceURLs"), rule.NonResourceURLs,
					"namespaced rules cannot apply to non-resource URLs"))
			}
			continue
		}
		if len(rule.APIGroups) == 0 {
			errs = append(errs, field.Required(at.Child("apiGroups"), "resource rules must supply at least one api group"))
		}
		if len(rule.Resources) == 0 {
			errs = append(errs, field.Required(at.Child("resources"), "resource rules must supply at least one resource"))
		}
	}
	return errs
}

func validateRoleBinding(b, old *rbacv1.RoleBinding) field.ErrorList {
	errs := validateBinding(b.RoleRef, b.Subjects, true)
	if old != nil && b.RoleRef != old.RoleRef {
		errs = append(errs, field.Invalid(field.NewPath("roleRef"), b.RoleRef, "cannot change roleRef"))
	}
	return errs
}

func validateClusterRoleBinding(b, old *rbacv1.ClusterRoleBinding) field.ErrorList {
	errs := validateBinding(b.RoleRef, b.Subjects, false)
	if old != nil && b.RoleRef != old.RoleRef {
		errs = append(errs, field.Invalid(field.NewPath("roleRef"), b.RoleRef, "cannot change roleRef"))
	}
	return errs
}

func validateBinding(role rbacv1.RoleRef, subjects []rbacv1.Subject, namespaced bool) field.ErrorList {
	var errs field.ErrorList
	at := field.NewPath("roleRef")
	switch {
	case role.Kind == "ClusterRole", role.Kind == "Role" && namespaced:
	case namespaced:
		errs = append(errs, field.NotSupported(at.Child("kind"), role.Kind, []string{"Role", "ClusterRole"}))
	default:
		errs = append(errs, field.NotSupported(at.Child("kind"), role.Kind, []string{"ClusterRole"}))
	}
	if role.Name == "" {
		errs = append(errs, field.Required(at.Child("name"), ""))
	}
	for i, s := range subjects {
		at := field.NewPath("subjects").Index(i)
		if s.Name == "" {
			errs = append(errs, field.Required(at.Child("name"), ""))
		}
		switch s.Kind {
		case rbacv1.UserKind, rbacv1.GroupKind:
		case rbacv1.ServiceAccountKind:
			if s.Namespace == "" {
				errs = append(errs, field.Required(at.Child("namespace"), ""))
			}
		default:
			errs = append(errs, field.NotSupported(at.Child("kind"), s.Kind,
				[]string{rbacv1.ServiceAccountKind, rbacv1.UserKind, rbacv1.GroupKind}))
		}
	}
	return errs
}

func unchanged[T any](now, before T, at *field.Path) field.ErrorList {
	if equality.Semantic.DeepEqual(now, before) {
		return nil
	}
	return field.ErrorList{field.Invalid(at, now, "field is immutable")}
}
