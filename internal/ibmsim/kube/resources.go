package kube

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/api/validation/path"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// kind numbers the resources served.
type kind int

const (
	namespaces kind = iota
	nodes
	pods
	secrets
	configMaps
	serviceAccounts
	deployments
	replicaSets
	statefulSets
	daemonSets
	roles
	roleBindings
	clusterRoles
	clusterRoleBindings
	numKinds
)

// resource is what the server knows about one kind.
type resource struct {
	group, version, name, singular, kind string

	short      []string
	namespaced bool
	scalable   bool
	make       func() object
	// spec points at the desired state; nil for kinds without a status, whose generation stays 0.
	spec       func(object) any
	keepSpec   func(to, from object)
	keepStatus func(to, from object)
	defaults   func(object)
	// validate finds what is wrong with o; old is what it replaces, nil if it is new.
	validate func(o, old object) field.ErrorList
	nameRule apivalidation.ValidateNameFunc
}

func (r *resource) gvk() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: r.group, Version: r.version, Kind: r.kind}
}

func (r *resource) gr() schema.GroupResource {
	return schema.GroupResource{Group: r.group, Resource: r.name}
}

func (r *resource) setDefaults(o object) {
	if r.defaults != nil {
		r.defaults(o)
	}
}

// check finds what is wrong with o, which is to replace old (nil if it is new).
func (r *resource) check(o, old object) field.ErrorList {
	errs := apivalidation.ValidateObjectMetaAccessor(o, r.namespaced, r.nameRule, field.NewPath("metadata"))
	if r.validate != nil {
		errs = append(errs, r.validate(o, old)...)
	}
	return errs
}

// resources is indexed by kind.
var resources = [numKinds]resource{
	namespaces: {
		version: "v1", name: "namespaces", singular: "namespace", kind: "Namespace", short: []string{"ns"},
		make:       func() object { return &corev1.Namespace{} },
		spec:       func(o object) any { return &o.(*corev1.Namespace).Spec },
		keepSpec:   func(to, from object) { to.(*corev1.Namespace).Spec = from.(*corev1.Namespace).Spec },
		keepStatus: func(to, from object) { to.(*corev1.Namespace).Status = from.(*corev1.Namespace).Status },
		defaults:   typed(defaultNamespace),
		nameRule:   apivalidation.NameIsDNSLabel,
	},
	nodes: {
		version: "v1", name: "nodes", singular: "node", kind: "Node", short: []string{"no"},
		make:       func() object { return &corev1.Node{} },
		spec:       func(o object) any { return &o.(*corev1.Node).Spec },
		keepSpec:   func(to, from object) { to.(*corev1.Node).Spec = from.(*corev1.Node).Spec },
		keepStatus: func(to, from object) { to.(*corev1.Node).Status = from.(*corev1.Node).Status },
		nameRule:   apivalidation.NameIsDNSSubdomain,
	},
	pods: {
		version: "v1", name: "pods", singular: "pod", kind: "Pod", short: []string{"po"}, namespaced: true,
		make:       func() object { return &corev1.Pod{} },
		spec:       func(o object) any { return &o.(*corev1.Pod).Spec },
		keepSpec:   func(to, from object) { to.(*corev1.Pod).Spec = from.(*corev1.Pod).Spec },
		keepStatus: func(to, from object) { to.(*corev1.Pod).Status = from.(*corev1.Pod).Status },
		defaults:   typed(defaultPod),
		validate:   typedPair(validatePod),
		nameRule:   apivalidation.NameIsDNSSubdomain,
	},
	secrets: {
		version: "v1", name: "secrets", singular: "secret", kind: "Secret", namespaced: true,
		make:     func() object { return &corev1.Secret{} },
		defaults: typed(defaultSecret),
		validate: typedPair(validateSecret),
		nameRule: apivalidation.NameIsDNSSubdomain,
	},
	configMaps: {
		version: "v1", name: "configmaps", singular: "configmap", kind: "ConfigMap", short: []string{"cm"}, namespaced: true,
		make:     func() object { return &corev1.ConfigMap{} },
		validate: typedPair(validateConfigMap),
		nameRule: apivalidation.NameIsDNSSubdomain,
	},
	serviceAccounts: {
		version: "v1", name: "serviceaccounts", singular: "serviceaccount", kind: "ServiceAccount", short: []string{"sa"},
		namespaced: true,
		make:       func() object { return &corev1.ServiceAccount{} },
		nameRule:   apivalidation.NameIsDNSSubdomain,
	},
	deployments: {
		group: "apps", version: "v1", name: "deployments", singular: "deployment", kind: "Deployment",
		short: []string{"deploy"}, namespaced: true, scalable: true,
		make:       func() object { return &appsv1.Deployment{} },
		spec:       func(o object) any { return &o.(*appsv1.Deployment).Spec },
		keepSpec:   func(to, from object) { to.(*appsv1.Deployment).Spec = from.(*appsv1.Deployment).Spec },
		keepStatus: func(to, from object) { to.(*appsv1.Deployment).Status = from.(*appsv1.Deployment).Status },
		defaults:   typed(defaultDeployment),
		validate:   typedPair(validateDeployment),
		nameRule:   apivalidation.NameIsDNSSubdomain,
	},
	replicaSets: {
		group: "apps", version: "v1", name: "replicasets", singular: "replicaset", kind: "ReplicaSet",
		short: []string{"rs"}, namespaced: true, scalable: true,
		make:       func() object { return &appsv1.ReplicaSet{} },
		spec:       func(o object) any { return &o.(*appsv1.ReplicaSet).Spec },
		keepSpec:   func(to, from object) { to.(*appsv1.ReplicaSet).Spec = from.(*appsv1.ReplicaSet).Spec },
		keepStatus: func(to, from object) { to.(*appsv1.ReplicaSet).Status = from.(*appsv1.ReplicaSet).Status },
		defaults:   typed(defaultReplicaSet),
		validate:   typedPair(validateReplicaSet),
		nameRule:   apivalidation.NameIsDNSSubdomain,
	},
	statefulSets: {
		group: "apps", version: "v1", name: "statefulsets", singular: "statefulset", kind: "StatefulSet",
		short: []string{"sts"}, namespaced: true, scalable: true,
		make:       func() object { return &appsv1.StatefulSet{} },
		spec:       func(o object) any { return &o.(*appsv1.StatefulSet).Spec },
		keepSpec:   func(to, from object) { to.(*appsv1.StatefulSet).Spec = from.(*appsv1.StatefulSet).Spec },
		keepStatus: func(to, from object) { to.(*appsv1.StatefulSet).Status = from.(*appsv1.StatefulSet).Status },
		defaults:   typed(defaultStatefulSet),
		validate:   typedPair(validateStatefulSet),
		nameRule:   apivalidation.NameIsDNSSubdomain,
	},
	daemonSets: {
		group: "apps", version: "v1", name: "daemonsets", singular: "daemonset", kind: "DaemonSet",
		short: []string{"ds"}, namespaced: true,
		make:       func() object { return &appsv1.DaemonSet{} },
		spec:       func(o object) any { return &o.(*appsv1.DaemonSet).Spec },
		keepSpec:   func(to, from object) { to.(*appsv1.DaemonSet).Spec = from.(*appsv1.DaemonSet).Spec },
		keepStatus: func(to, from object) { to.(*appsv1.DaemonSet).Status = from.(*appsv1.DaemonSet).Status },
		defaults:   typed(defaultDaemonSet),
		validate:   typedPair(validateDaemonSet),
		nameRule:   apivalidation.NameIsDNSSubdomain,
	},
	roles: {
		group: rbacv1.GroupName, version: "v1", name: "roles", singular: "role", kind: "Role", namespaced: true,
		make:     func() object { return &rbacv1.Role{} },
		validate: typedPair(validateRole),
		nameRule: pathSegment,
	},
	roleBindings: {
		group: rbacv1.GroupName, version: "v1", name: "rolebindings", singular: "rolebinding", kind: "RoleBinding",
		namespaced: true,
		make:       func() object { return &rbacv1.RoleBinding{} },
		defaults:   typed(defaultRoleBinding),
		validate:   typedPair(validateRoleBinding),
		nameRule:   pathSegment,
	},
	clusterRoles: {
		group: rbacv1.GroupName, version: "v1", name: "clusterroles", singular: "clusterrole", kind: "ClusterRole",
		make:     func() object { return &rbacv1.ClusterRole{} },
		validate: typedPair(validateClusterRole),
		nameRule: pathSegment,
	},
	clusterRoleBindings: {
		group: rbacv1.GroupName, version: "v1", name: "clusterrolebindings", singular: "clusterrolebinding",
		kind:     "ClusterRoleBinding",
		make:     func() object { return &rbacv1.ClusterRoleBinding{} },
		defaults: typed(defaultClusterRoleBinding),
		validate: typedPair(validateClusterRoleBinding),
		nameRule: pathSegment,
	},
}

func pathSegment(name string, prefix bool) []string {
	return path.ValidatePathSegmentName(name, prefix) //nolint:staticcheck // the real server's own rule, which has no other home yet
}

func typed[T object](f func(T)) func(object) { return func(o object) { f(o.(T)) } }

// typedPair passes a nil old on as a nil pointer of its type.
func typedPair[T object](f func(o, old T) field.ErrorList) func(o, old object) field.ErrorList {
	return func(o, old object) field.ErrorList {
		before, _ := old.(T)
		return f(o.(T), before)
	}
}

// kindOf finds the resource a typed object belongs to.
func kindOf(o runtime.Object) (kind, bool) {
	switch o.(type) {
	case *corev1.Namespace:
		return namespaces, true
	case *corev1.Node:
		return nodes, true
	case *corev1.Pod:
		return pods, true
	case *corev1.Secret:
		return secrets, true
	case *corev1.ConfigMap:
		return configMaps, true
	case *corev1.ServiceAccount:
		return serviceAccounts, true
	case *appsv1.Deployment:
		return deployments, true
	case *appsv1.ReplicaSet:
		return replicaSets, true
	case *appsv1.StatefulSet:
		return statefulSets, true
	case *appsv1.DaemonSet:
		return daemonSets, true
	case *rbacv1.Role:
		return roles, true
	case *rbacv1.RoleBinding:
		return roleBindings, true
	case *rbacv1.ClusterRole:
		return clusterRoles, true
	case *rbacv1.ClusterRoleBinding:
		return clusterRoleBindings, true
	}
	return 0, false
}

// resourceNamed finds a resource by its place in a path.
func resourceNamed(group, version, name string) (kind, bool) {
	for k := range resources {
		r := &resources[k]
		if r.name == name && r.group == group && r.version == version {
			return kind(k), true
		}
	}
	return 0, false
}
