# A hub as a custom cloud, and signing in to it.
works "cloud register" "" cloud register -n Fairlead --endpoint-resource-manager "https://arm.$DOMAIN"
works "cloud set" "" cloud set -n Fairlead
works "cloud show" "\"activeDirectory\": \"https://login.arc.$DOMAIN" cloud show -n Fairlead
if [ "$AZ_FLAVOUR" = entra ]; then
	works "config: no instance discovery" "" config set core.instance_discovery=false
fi
refuses "login with a wrong secret" "AADSTS|invalid_client" login --service-principal -u "$app" -p wrong --tenant "$tenant"
works "login by secret" "\"tenantId\": \"$tenant\"" login --service-principal -u "$app" -p "$secret" --tenant "$tenant"
