works "account list" "\"state\": \"Enabled\"" account list
works "account show" "\"environmentName\": \"Fairlead\"" account show
works "account list-locations" "local" account list-locations -o tsv --query "[].name"
