package ibmsim

import "slices"

// The APIs, as the ledger, request counts and faults name them.
var (
	tokenAPI      = api{name: "iam-token", prefixes: []string{"/iam"}, unauthorized: iamUnauthorized}
	identityAPI   = api{name: "iam-identity", prefixes: []string{"/iam"}, unauthorized: iamUnauthorized}
	policyAPI     = api{name: "iam-policy", prefixes: []string{"/iam"}, unauthorized: listUnauthorized}
	groupsAPI     = api{name: "iam-groups", prefixes: []string{"/iam"}, unauthorized: listUnauthorized}
	usersAPI      = api{name: "user-management", prefixes: []string{"/user-management"}, unauthorized: listUnauthorized}
	managerAPI    = api{name: "resource-manager", prefixes: []string{"/resource-controller"}, unauthorized: listUnauthorized}
	controllerAPI = api{name: "resource-controller", prefixes: []string{"/resource-controller"}, unauthorized: listUnauthorized}
	searchAPI     = api{name: "search", prefixes: []string{"/search"}, unauthorized: listUnauthorized}
	accountsAPI   = api{name: "accounts", prefixes: []string{"/accounts"}, unauthorized: listUnauthorized}
	// The private endpoints serve the Kubernetes Service without /global.
	containersAPI = api{name: "containers", prefixes: []string{"/containers/global", "/containers"}, unauthorized: ksUnauthorized}
	kubeAPI       = api{name: "kube", unauthorized: ksUnauthorized}
	simAPI        = api{name: "sim", prefixes: []string{"/sim"}}
)

// routes is every operation the cloud knows.
func routes() []route {
	return slices.Concat(
		tokenRoutes, apiKeyRoutes, serviceIDRoutes, profileRoutes, profileRuleRoutes, identitySettingsRoutes, limitRoutes, activityRoutes,
		userRoutes, invitationRoutes, removalRoutes,
		groupRoutes, groupRuleRoutes, policyRoutes, policyV2Routes, roleRoutes, accessSettingsRoutes,
		resourceGroupRoutes, instanceRoutes, searchRoutes, accountRoutes,
		clusterRoutes, clusterCreateRoutes, workerPoolRoutes, workerChangeRoutes, clusterKeyRoutes, kubeconfigRoutes, masterRoutes, addonRoutes, credentialRoutes, workerRoutes, placeRoutes,
		controlRoutes(),
	)
}
