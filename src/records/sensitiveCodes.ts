/** The sensitivities that no other class implies; see core/classes.ts. */
export type Sensitivity = 'hiv' | 'mental' | 'sexual'

/** Codes and words by which one sensitivity is recognised. */
export type SensitiveTerms = {
  snomed: readonly string[]
  loinc: readonly string[]
  rxnorm: readonly string[]
  /** ICD-10 and ICD-10-CM. */
  icd10: RegExp
  /** HL7 v3-ActCode security labels, which the sender put on the resource. */
  labels: readonly string[]
  words: RegExp
}

/**
 * What makes a resource sensitive.
 *
 * Sources: the SNOMED CT, LOINC and RxNorm codes that Synthea writes (github.com/synthetichealth/synthea, Apache-2.0: modules
 * hiv/*, encounter/{depression,anxiety,substance_use,hark}_screening, encounter/sdoh_hrsn, self_harm, opioid_addiction,
 * contraceptives/*, pregnancy); the chapters of ICD-10; the HL7 value set v3-InformationSensitivityPolicy.
 *
 * Limits. The lists are not a terminology server: a subtype that is not listed is found only by its words, and words are
 * known in English. Local dictionaries (CIEL, ICD-11, a laboratory's own codes) are found by display text alone. Pictures and
 * PDF files are not read. A confidentiality code alone (R, V) does not tell which sensitivity and is not acted on. What can't be seen in one resource is not seen: a date at an HIV clinic, two harmless drugs that
 * together tell. Hepatitis B and C and tobacco are not counted as sensitive. When in doubt the lists hide: a wrongly hidden
 * record is asked for again, a wrongly shown one can't be taken back.
 */
export const sensitiveTerms: Readonly<Record<Sensitivity, SensitiveTerms>> = {
  hiv: {
    snomed: [
      '86406008', // Human immunodeficiency virus infection
      '62479008', // Acquired immune deficiency syndrome
      '165816005', // HIV detected
      '165815009', // HIV not detected
      '171121004', // HIV screening
      '313077009', // HIV counseling
      '315124004', // HIV viral load
      '31676001', // HIV antigen test
      '310861008', // Chlamydia antigen test
      '165829005', // Gonorrhea infection titer test
      '269828009', // Syphilis infectious titer test
      '8098009', // Sexually transmitted infectious disease
      '15628003', // Gonorrhea
      '76272004', // Syphilis
      '240589008', // Chlamydia trachomatis infection
      '33839006', // Genital herpes simplex
      '56335008', // Trichomonal infection
    ],
    loinc: [
      '75622-1', // HIV 1 and 2 tests - Meaningful Use set
      '7917-8', // HIV 1 Ab in Serum
      '20447-9', // HIV 1 RNA (viral load)
      '25836-8', // HIV 1 RNA by NAA
      '56888-1', // HIV 1+2 Ab and HIV1 p24 Ag
      '68961-2', // HIV 1 Ab, rapid
      '24467-3', // CD4 cells: counted in practice for HIV alone
      '8123-2', // CD4 cells, percent
      '20507-0', // Reagin Ab (RPR)
      '5292-8', // Reagin Ab (VDRL)
      '24110-9', // Treponema pallidum Ab
      '21613-5', // Chlamydia trachomatis DNA
      '24111-7', // Neisseria gonorrhoeae DNA
    ],
    rxnorm: [
      '349491', // lamivudine 300 MG
      '349251', // tenofovir disoproxil 300 MG
      '403875', // emtricitabine 200 MG
      '476556', // emtricitabine / tenofovir disoproxil
      '1306292', // cobicistat / elvitegravir / emtricitabine / tenofovir disoproxil
      '1721613', // cobicistat / elvitegravir / emtricitabine / tenofovir alafenamide
      '744842', // raltegravir 400 MG
      '1433873', // dolutegravir 50 MG
      '317150', // ritonavir 100 MG
      '1359269', // darunavir 800 MG
      '2003249', // lamivudine / tenofovir disoproxil
      '1747691', // emtricitabine / tenofovir alafenamide
      '1999667', // bictegravir / emtricitabine / tenofovir alafenamide
      '2122519', // dolutegravir / lamivudine
    ],
    icd10: /^(B2[0-4]|A5\d|A6[0-4]|Z21|Z11\.[34]|Z20\.[26]|Z71\.7|O98\.[1-37]|R75|N34\.1)/,
    labels: ['HIV', 'STD'],
    words:
      /\bHIV\b|\bAIDS\b|human immunodeficiency|acquired immun|[aA]ntiretroviral|\bART (clinic|regimen|start)|\bPrEP\b|\bPEP\b|[sS]exually[ -]transmitted|\b(STI|STD)s?\b|[sS]yphili|[gG]onorrh|[cC]hlamydia|[tT]reponema|\bVDRL\b|\bRPR\b|[gG]enital (herpes|wart)|[tT]richomon|[cC]hancroid|[lL]amivudine|[tT]enofovir|[eE]mtricitabine|[dD]olutegravir|[rR]altegravir|[bB]ictegravir|[eE]lvitegravir|[eE]favirenz|[nN]evirapine|[zZ]idovudine|[aA]bacavir|[rR]itonavir|[aA]tazanavir|[dD]arunavir|[lL]opinavir|[cC]abotegravir|[rR]ilpivirine|\bCD4\b/,
  },
  mental: {
    snomed: [
      '74732009', // Mental disorder
      '370143000', // Major depressive disorder
      '36923009', // Major depression, single episode
      '35489007', // Depressive disorder
      '48694002', // Anxiety
      '197480006', // Anxiety disorder
      '80583007', // Severe anxiety (panic)
      '47505003', // Posttraumatic stress disorder
      '13746004', // Bipolar disorder
      '58214004', // Schizophrenia
      '192127007', // Child attention deficit disorder
      '5602001', // Opioid abuse
      '6525002', // Dependent drug abuse
      '7200002', // Alcoholism
      '15167005', // Alcohol abuse
      '10939881000119105', // Unhealthy alcohol drinking behavior
      '10939881000119104', // the same, as Synthea's module writes it
      '361055000', // Misuses drugs
      '55680006', // Drug overdose
      '56876005', // Drug rehabilitation and detoxification
      '160968000', // Risk activity involvement, found by the CRAFFT questionnaire
      '868187001', // Assessment using CRAFFT
      '428211000124100', // Assessment of substance use
      '763302001', // Assessment using AUDIT-C
      '713106006', // Screening for drug abuse
      '171207006', // Depression screening
      '454711000124102', // Depression screening using PHQ-2
      '715252007', // Depression screening using PHQ-9
      '710841007', // Assessment of anxiety
      '183401008', // Anti-suicide psychotherapy
      '768835002', // Depression care management
      '415665002', // Suicide prevention
      '10029008', // Suicide precautions
      '44301001', // Suicide
      '82313006', // Suicide attempt
      '86849004', // Suicidal poisoning
      '287185009', // Attempted suicide, cut or stab
      '287182007', // Attempted suicide, suffocation
      '90407005', // Evaluation of psychiatric state
      '88848003', // Psychiatric follow-up
    ],
    loinc: [
      '55757-9', // PHQ-2
      '55758-7', // PHQ-2 total score
      '44249-1', // PHQ-9
      '44261-6', // PHQ-9 total score
      '89206-7', // PHQ-9 modified for teens
      '89204-2', // PHQ-9 modified for teens, total score
      '69737-5', // GAD-7
      '70274-6', // GAD-7 total score
      '72109-2', // AUDIT-C
      '75626-2', // AUDIT-C total score
      '82666-9', // DAST-10
      '82667-7', // DAST-10 total score
      '5640-8', // Ethanol in blood
    ],
    rxnorm: [],
    icd10: /^(F\d\d|X[67]\d|X8[0-4]|Z91\.5|T14\.91|R45\.[78]|Z71\.[45]|Z72\.[12]|T40|T51\.0)/,
    labels: ['PSY', 'PSYTHPN', 'MH', 'BH', 'COGN', 'DVD', 'EMOTDIS', 'ETH', 'SUD', 'ETHUD', 'OPIOIDUD'],
    words:
      /\bPHQ-?[29]\b|\bGAD-?7\b|\bAUDIT(-C)?\b|\bDAST(-10)?\b|\bCRAFFT\b|[dD]epressi(on (screen|care)|ve\b)|[mM]ajor depression|[aA]nxiety|[sS]uicid|[sS]elf[- ]harm|[pP]sychiatr|[pP]sychotherap|[pP]sychos[ei]s|[pP]sychotic|[sS]chizo|[bB]ipolar (disorder|affective)|\bPTSD\b|[pP]ost[- ]?traumatic stress|[mM]ental (health|disorder|illness)|[aA]lcohol(ism|ic\b| (use|abuse|misuse|depend|intox|drinking))|[sS]ubstance (use|abuse|misuse)|[dD]rug (abuse|misuse|addict|depend|overdose|rehab)|[oO]pioid (abuse|use disorder|depend|addict)|[mM]ethadone|[bB]uprenorphine|[nN]altrexone|[dD]isulfiram|[lL]ithium carbonate|[hH]aloperidol|[cC]hlorpromazine|[cC]lozapine|[oO]lanzapine|[qQ]uetiapine|[rR]isperidone|[fF]luoxetine|[sS]ertraline|[cC]italopram|[pP]aroxetine|[vV]enlafaxine/,
  },
  sexual: {
    snomed: [
      '706893006', // Victim of intimate partner abuse
      '866148006', // Screening for domestic abuse
      '424393004', // Reports of violence in the environment
      '371772001', // Domestic abuse
      '248110007', // Sexual assault
      '386639001', // Termination of pregnancy
      '169553002', // Insertion of subcutaneous contraceptive
      '65200003', // Insertion of intrauterine contraceptive device
      '46706006', // Replacement of contraceptive
      '287664005', // Tubal ligation
      '22523008', // Vasectomy
      '860914002', // Erectile dysfunction
    ],
    loinc: [
      '76499-3', // HARK questionnaire
      '76504-0', // HARK total score
      '76501-6', // Afraid of partner or ex-partner; also a part of PRAPARE
      '93026-3', // Feels safe where she lives; a part of PRAPARE
      '76690-7', // Sexual orientation
      '76691-5', // Gender identity
    ],
    rxnorm: [
      '748962', // Camila
      '831533', // Errin
      '757594', // Jolivette
      '235389', // Mestranol / Norethynodrel
      '749882', // Norinyl
      '1359133', // Estrostep
      '749785', // Ortho Tri-Cyclen
      '751905', // Trinessa
      '749762', // Seasonique
      '748856', // Yaz
      '978950', // Natazia
      '748879', // Levora
    ],
    icd10: /^(T7[46]|Y0[4-9]|Z30|Z64\.0|Z70|O04|F52|F6[4-6]|N48\.4|N52|Z69|Z61\.[4-6]|Z62\.81|Z91\.41)/,
    labels: ['SEX', 'SDV', 'GDIS', 'MST', 'VIO', 'PREGNANT'],
    words:
      /[iI]ntimate partner|[dD]omestic (abuse|violence)|[gG]ender[- ]based violence|\bGBV\b|\b[rR]ape[ds]?\b|\bHARK\b|[sS]exual (abuse|assault|violence|orientation|dysfunction|activity)|[aA]fraid of your partner|[cC]ontracept|[iI]ntrauterine (device|system)|\bIUD\b|[bB]irth control|[fF]amily planning|[lL]evonorgestrel|[mM]edroxyprogesterone|[eE]tonogestrel|[nN]orethindrone|[vV]asectomy|[tT]ubal ligation|([iI]nduced|[mM]edical|[sS]urgical) abortion|[tT]ermination of pregnancy|[mM]isoprostol|[mM]ifepristone|[eE]rectile|[sS]ildenafil|[fF]emale genital (mutilation|cutting)|\bFGM\b/,
  },
}

/** Pregnancy and birth: the ordinary class `maternal`. Codes of Synthea's module `pregnancy`, ICD-10 chapter XV. */
export const maternalTerms: Pick<SensitiveTerms, 'snomed' | 'loinc' | 'icd10' | 'words'> = {
  snomed: ['72892002', '77386006', '424441002', '424619006', '19169002', '79586000', '134435003', '252160004'],
  loinc: ['82810-3', '11778-8', '11779-6'],
  icd10: /^(O\d\d|Z3[3-9])/,
  words:
    /[pP]regnan|[pP]renatal|[aA]ntenatal|[pP]ostnatal|[pP]ostpartum|[mM]iscarriage|[oO]bstetric|[cC]hildbirth|[fF]etal|[fF]undal/,
}
