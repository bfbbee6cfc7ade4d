package offboard

import (
	"slices"
	"sort"
)

// Grant is one access policy that the owner of a cluster key needs.
type Grant struct {
	Name    string   `json:"name"`    // stable within a preparation
	Roles   []string `json:"roles"`   // role CRNs
	Service string   `json:"service"` // IAM service name; empty for ResourceGroup grants
	// ResourceGroup limits the grant to one group's resources, or with Service empty grants a look at the group itself.
	ResourceGroup string `json:"resourceGroup,omitempty"`
}

// The role CRNs (facts, section 4.3).
const (
	roleAdministrator = "crn:v1:bluemix:public:iam::::role:Administrator"
	roleViewer        = "crn:v1:bluemix:public:iam::::role:Viewer"
	roleManager       = "crn:v1:bluemix:public:iam::::serviceRole:Manager"
	roleKeyCreator    = "crn:v1:bluemix:public:iam-identity::::serviceRole:UserApiKeyCreator"
)

// GrantsFor lists the documented access an owner of these scopes' keys needs: platform Administrator and service
// Manager on the Kubernetes service (in one policy, since IAM takes no two for the same resources and trap 28 concerns
// policies limited to a namespace), Container Registry account-wide (trap 27), the VPC
// infrastructure where there are VPC clusters, a look at each resource group, and the right to create keys where the
// account restricts it (trap 7). Classic infrastructure permissions are not IAM policies and are not granted here.
func GrantsFor(scopes []Scope, s Survey) []Grant {
	var list []Grant
	for _, group := range groupsOf(scopes) {
		list = append(list,
			Grant{Name: "kubernetes " + group, Service: "containers-kubernetes", Roles: []string{roleAdministrator, roleManager}, ResourceGroup: group},
			Grant{Name: "resource group " + group, Roles: []string{roleViewer}, ResourceGroup: group},
		)
		if hasVPC(s, group) {
			list = append(list, Grant{Name: "vpc " + group, Service: "is", Roles: []string{roleAdministrator}, ResourceGroup: group})
		}
	}
	list = append(list, Grant{Name: "container registry", Service: "container-registry", Roles: []string{roleAdministrator}})
	if s.Account.RestrictedKeys {
		list = append(list, Grant{Name: "key creation", Service: "iam-identity", Roles: []string{roleKeyCreator}})
	}
	return list
}

func groupsOf(scopes []Scope) []string {
	var groups []string
	for _, s := range scopes {
		groups = appendNew(groups, s.ResourceGroup)
	}
	sort.Strings(groups)
	return groups
}

func hasVPC(s Survey, group string) bool {
	return slices.ContainsFunc(s.Scopes, func(scope ScopeSurvey) bool {
		return scope.Scope.ResourceGroup == group && slices.ContainsFunc(scope.Clusters, func(c ClusterSurvey) bool {
			return c.Cluster.Provider == "vpc-gen2"
		})
	})
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
