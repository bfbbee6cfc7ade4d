package kube

import (
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// groups are the API groups served, each in version v1 only; the core group has its own place.
var groups = []string{appsv1.GroupName, authorizationv1.GroupName, rbacv1.GroupName}

// discover answers the paths by which a client learns what there is.
func discover(path string) (answer any, found bool) {
	switch path {
	case "/api":
		return metav1.APIVersions{
			TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"},
			ServerAddressByClientCIDRs: []metav1.ServerAddressByClientCIDR{},
		}, true
	case "/api/v1":
		return resourceList(""), true
	case "/apis":
		list := metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
		for _, name := range groups {
			list.Groups = append(list.Groups, apiGroup(name))
		}
		return list, true
	}
	rest, below := strings.CutPrefix(path, "/apis/")
	name, version, versioned := strings.Cut(rest, "/")
	switch {
	case !below || !slices.Contains(groups, name):
		return nil, false
	case !versioned:
		group := apiGroup(name)
		group.TypeMeta = metav1.TypeMeta{Kind: "APIGroup", APIVersion: "v1"}
		return group, true
	case version == "v1":
		return resourceList(name), true
	}
	return nil, false
}

func apiGroup(name string) metav1.APIGroup {
	v1 := metav1.GroupVersionForDiscovery{GroupVersion: name + "/v1", Version: "v1"}
	return metav1.APIGroup{Name: name, Versions: []metav1.GroupVersionForDiscovery{v1}, PreferredVersion: v1}
}

func resourceList(group string) metav1.APIResourceList {
	list := metav1.APIResourceList{
		TypeMeta:     metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"},
		GroupVersion: "v1",
		APIResources: []metav1.APIResource{},
	}
	if group != "" {
		list.GroupVersion = group + "/v1"
	}
	if group == authorizationv1.GroupName {
		list.APIResources = append(list.APIResources, metav1.APIResource{
			Name: "selfsubjectaccessreviews", SingularName: "selfsubjectaccessreview", Kind: "SelfSubjectAccessReview",
			Verbs: metav1.Verbs{"create"},
		})
	}
	for k := range resources {
		r := &resources[k]
		if r.group != group {
			continue
		}
		verbs := metav1.Verbs{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}
		list.APIResources = append(list.APIResources, metav1.APIResource{
			Name: r.name, SingularName: r.singular, Namespaced: r.namespaced, Kind: r.kind, ShortNames: r.short, Verbs: verbs,
		})
		changing := metav1.Verbs{"get", "patch", "update"}
		if r.spec != nil {
			list.APIResources = append(list.APIResources, metav1.APIResource{
				Name: r.name + "/status", Namespaced: r.namespaced, Kind: r.kind, Verbs: changing,
			})
		}
		if r.scalable {
			list.APIResources = append(list.APIResources, metav1.APIResource{
				Name: r.name + "/scale", Namespaced: r.namespaced, Kind: "Scale", Group: "autoscaling", Version: "v1", Verbs: changing,
			})
		}
	}
	return list
}
